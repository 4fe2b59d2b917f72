//! A row of its own added to each pixel, y[p] = x[p] + P[p]: learned positions (Vaswani et al. 2017,
//! §3.5; GPT, ViT). x, y are `[batch, pixels, channels]`, P is `[pixels, channels]`.

#[cfg(feature = "std")]
mod host;
mod portable;

#[cfg(feature = "std")]
pub(in crate::layer) use host::{move_table, scratch};

use super::{Misfit, Part, PartKind, Style};
use crate::rule::Dims;
use crate::shape::Shape;

/// A row of its own added to each pixel. Its weight is P, `[pixels, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Positions;

impl Positions {
    pub(super) const STYLE: Style = Style::in_place(false, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(x)
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        match part {
            0 => Part::new(Dims::dense(x.pixels() as u32, x.channels), PartKind::Table),
            _ => None,
        }
    }

    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 0)
    }
}
