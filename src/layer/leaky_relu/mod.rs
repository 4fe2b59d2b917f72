//! The leaky rectifier, y = x for x > 0 and s x elsewhere, with a slope s > 0.

mod portable;

use super::Style;

/// x, or a fraction of it below zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeakyRelu {
    /// The slope below zero; positive, so that the output tells the sign of the input.
    pub slope: f32,
}

elementwise!(LeakyRelu, Style::in_place(false, true));
