//! The Gaussian error linear unit, y = x Φ(x), Φ(x) = (1 + erf(x/√2)) / 2 (Hendrycks & Gimpel
//! 2016, the exact form); dx = dy (Φ(x) + x φ(x)), φ(x) = e^(−x²/2) / √(2π).

mod portable;

use super::Style;

/// The Gaussian error linear unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gelu;

elementwise!(Gelu, Style::in_place(true, false));
