//! The rectifier, y = max(0, x), number by number. Its derivative at 0 is 0.

mod portable;

use super::Style;

/// max(0, x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Relu;

elementwise!(Relu, Style::in_place(false, true));
