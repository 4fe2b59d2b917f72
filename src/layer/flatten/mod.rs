//! A picture read as the vector of its numbers, in HWC order. Nothing is computed.

use super::{Backward, Forward, Misfit, Style};
use crate::shape::Shape;

/// A picture read as a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Flatten;

weightless!(Flatten);

impl Flatten {
    pub(super) const STYLE: Style = Style::in_place(false, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(Shape::vector(x.len() as u32))
    }

    pub(super) fn forward(&self, _: Forward<'_>) {}

    pub(super) fn backward<U>(&self, _: Backward<'_, U>) {}
}
