//! The leaky rectifier, y = x for x > 0 and s x elsewhere, with a slope s > 0.

mod portable;

use super::{Misfit, Style};
use crate::shape::Shape;

/// x, or a fraction of it below zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeakyRelu {
    /// The slope below zero; positive, so that the output tells the sign of the input.
    pub slope: f32,
}

weightless!(LeakyRelu);

impl LeakyRelu {
    pub(super) const STYLE: Style = Style::in_place(false, true);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        match 0.0 < self.slope && self.slope < f32::INFINITY {
            true => Ok(x),
            false => Err(Misfit::Setting),
        }
    }
}
