//! The hyperbolic tangent, y = tanh x; dx = dy (1 − y²).

mod portable;

use super::Style;

/// The hyperbolic tangent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tanh;

elementwise!(Tanh, Style::in_place(false, true));
