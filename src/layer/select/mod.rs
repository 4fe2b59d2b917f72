//! One pixel of each example, y = x[p]: the class token of a ViT, the last token of a text. x is
//! `[batch, pixels, channels]`, y is `[batch, channels]`.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Style};
use crate::shape::Shape;

/// One pixel of each example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Select {
    /// Its number, in scan order.
    pub pixel: u32,
}

weightless!(Select);

impl Select {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        match (self.pixel as usize) < x.pixels() {
            true => Ok(Shape::vector(x.channels)),
            false => Err(Misfit::Pixel),
        }
    }
}
