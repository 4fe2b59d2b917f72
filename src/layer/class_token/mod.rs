//! A learned pixel put before all others (ViT, Dosovitskiy et al. 2021, eq. 1): x is
//! `[batch, pixels, channels]`, c is `[channels]`, y is `[batch, 1 + pixels, channels]`.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

use super::{Misfit, Part, PartKind, Style};
use crate::rule::Dims;
use crate::shape::Shape;

/// A learned pixel put before all others; the picture becomes a line. Its weight is c, `[channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClassToken;

impl ClassToken {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(Shape::hwc(1, 1 + x.pixels() as u32, x.channels))
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        match part {
            0 => Part::new(Dims::dense(1, x.channels), PartKind::Table),
            _ => None,
        }
    }

    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 0)
    }
}
