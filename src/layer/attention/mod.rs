//! Multi-head attention without its projections (Vaswani et al. 2017, eq. 1): in each head,
//! y = softmax(q kᵀ / √(d / heads)) v.
//!
//! x is `[batch, tokens, 3 d]`, the queries, keys and values of each token side by side, as one dense
//! layer of 3 d outputs makes them; heads are runs of d / heads channels of each. y is
//! `[batch, tokens, d]`. With `causal`, a token attends to itself and those before it. A second operand,
//! `[batch, tokens, 1]`, says which tokens are only padding, by 0: nobody attends to them (a token
//! that would attend to none gets zeros).

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

use super::{Misfit, Part, Style};
use crate::shape::Shape;

/// Multi-head attention without its projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Attention {
    /// Heads; they share out the channels evenly.
    pub heads: u32,
    /// Whether no token attends to a later one.
    pub causal: bool,
}

impl Attention {
    pub(super) const STYLE: Style = Style::apart(true);

    pub(super) const fn output(&self, x: Shape, tokens: Option<Shape>) -> Result<Shape, Misfit> {
        if self.heads == 0 {
            return Err(Misfit::Zero);
        }
        if !x.channels.is_multiple_of(3) || !(x.channels / 3).is_multiple_of(self.heads) {
            return Err(Misfit::Heads);
        }
        match tokens {
            Some(tokens) if tokens.channels != 1 || tokens.pixels() != x.pixels() => {
                Err(Misfit::Operands)
            }
            _ => Ok(Shape::hwc(x.height, x.width, x.channels / 3)),
        }
    }

    pub(super) const fn part(&self, _: Shape, _: usize) -> Option<Part> {
        None
    }

    /// The largest score of each query in each head and 1 / Σ e^(score − largest); for a batch, the
    /// weights of one query and their gradients.
    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        (2 * self.heads as usize * x.pixels(), 2 * x.pixels())
    }
}
