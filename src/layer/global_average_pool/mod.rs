//! The mean of each channel over all pixels: `y[c] = Σₚ x[p][c] / pixels`.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Style};
use crate::shape::Shape;

/// The mean of each channel over all pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GlobalAveragePool;

weightless!(GlobalAveragePool);

impl GlobalAveragePool {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(Shape::vector(x.channels))
    }
}
