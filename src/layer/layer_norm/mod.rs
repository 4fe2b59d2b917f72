//! Normalisation of each pixel over its channels (Ba et al. 2016): y = γ (x − μ) / √(σ² + ε) + β,
//! with the mean μ and the variance σ² of the pixel's own channels. A vector is one pixel.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

#[cfg(feature = "std")]
pub(in crate::layer) use host::{backward, forward, scratch};

use super::{Misfit, Part, PartKind, Style};
use crate::shape::Shape;

/// Normalisation of each pixel over its channels. Its weights are γ and β, `[channels]` each.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LayerNorm {
    /// ε, added to the variance.
    pub eps: f32,
}

impl LayerNorm {
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
            1 => Part::vector(x.channels, PartKind::Bias),
            _ => None,
        }
    }

    /// μ and 1 / √(σ² + ε) of each pixel; for a batch, the gradients of γ and β.
    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        (2 * x.pixels(), 2 * x.channels as usize)
    }
}
