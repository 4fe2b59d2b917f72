//! Rows of a table looked up by tokens, y[t] = E[x[t]]: x is `[batch, h, w, 1]`, E is `[count, width]`
//! and y is `[batch, h, w, width]`.
//!
//! A token is a whole number held in an f32, which counts to 2²⁴. What is no token of the table gives
//! NaN, so that the loss refuses it. With `padding`, token 0 gives zeros, and its row has no gradient
//! (a decay shrinks it, which nobody sees).

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

use super::{Misfit, Part, PartKind, Style};
use crate::rule::Dims;
use crate::shape::Shape;

/// Rows of a table looked up by tokens. Its weight is E, `[count, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Embedding {
    /// Rows of the table: how many tokens there are.
    pub count: u32,
    /// Numbers in a row.
    pub width: u32,
    /// Whether token 0 fills lines up: it gives zeros, and its row has no gradient.
    pub padding: bool,
}

impl Embedding {
    pub(super) const STYLE: Style = Style::apart(true);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        if x.channels != 1 {
            return Err(Misfit::Tokens);
        }
        match Dims::dense(self.count, self.width) {
            Ok(dims) if dims.len() < Shape::MOST as usize && self.count <= 1 << 24 => {
                Ok(Shape::hwc(x.height, x.width, self.width))
            }
            Ok(_) => Err(Misfit::TooLarge),
            Err(_) => Err(Misfit::Zero),
        }
    }

    pub(super) const fn part(&self, _: Shape, part: usize) -> Option<Part> {
        match part {
            0 => Part::new(Dims::dense(self.count, self.width), PartKind::Table),
            _ => None,
        }
    }

    /// Lists of the places of each token, for backward: behind each place, the next one of the same
    /// token; for a batch, the first place of each token.
    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        (x.len(), self.count as usize)
    }
}
