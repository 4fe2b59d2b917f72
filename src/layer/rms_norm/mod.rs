//! Normalisation of each pixel by the root mean square of its channels (Zhang & Sennrich 2019,
//! eq. 4): y = γ x / √(mean(x²) + ε).

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

use super::{Misfit, Part, PartKind, Style};
use crate::shape::Shape;

/// Normalisation of each pixel by the root mean square of its channels. Its weight is γ, `[channels]`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RmsNorm {
    /// ε, added to the mean square.
    pub eps: f32,
}

impl RmsNorm {
    pub(super) const STYLE: Style = Style::in_place(true, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        match 0.0 <= self.eps && self.eps < f32::INFINITY {
            true => Ok(x),
            false => Err(Misfit::Setting),
        }
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        match part {
            0 => Part::vector(x.channels, PartKind::Gain),
            _ => None,
        }
    }

    /// 1 / √(mean(x²) + ε) of each pixel; for a batch, the gradient of γ.
    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        (x.pixels(), x.channels as usize)
    }
}
