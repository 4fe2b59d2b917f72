//! The logistic function, y = 1 / (1 + e⁻ˣ); dx = dy y (1 − y).

mod portable;

use super::Style;

/// The logistic function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sigmoid;

elementwise!(Sigmoid, Style::in_place(false, true));
