//! Normalisation of each channel over the batch (Ioffe & Szegedy 2015):
//! y = γ (x − μ) / √(σ² + ε) + β.
//!
//! Where the layer is trained, μ and σ² are those of the batch (all examples and pixels; σ² divided
//! by their number), and the running statistics follow them: r ← r + m (batch − r), with the
//! unbiased variance, as PyTorch does. A batch of a single number per channel has no variance: a plan
//! for it is refused, and a smaller batch than planned should not come down to it. In inference, and where the layer is frozen, the running
//! statistics take their place.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

#[cfg(feature = "std")]
pub(in crate::layer) use host::scratch;

use super::{Misfit, Part, PartKind, Style};
use crate::shape::Shape;

/// Normalisation of each channel over the batch. Its weights are γ, β, and the running mean and
/// variance, `[channels]` each.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BatchNorm {
    /// ε, added to the variance.
    pub eps: f32,
    /// m, the share of a batch in the running statistics.
    pub momentum: f32,
}

impl BatchNorm {
    pub(super) const STYLE: Style = Style::in_place(true, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        let sound = 0.0 <= self.eps && self.eps < f32::INFINITY;
        match sound && 0.0 <= self.momentum && self.momentum <= 1.0 {
            true => Ok(x),
            false => Err(Misfit::Setting),
        }
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        let kind = match part {
            0 => PartKind::Gain,
            1 => PartKind::Bias,
            2 => PartKind::RunningMean,
            3 => PartKind::RunningVariance,
            _ => return None,
        };
        Part::vector(x.channels, kind)
    }

    /// For a batch: the mean and variance of each channel, and the gradients of γ and β.
    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        (0, 4 * x.channels as usize)
    }
}
