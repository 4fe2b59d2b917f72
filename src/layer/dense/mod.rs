//! A fully connected layer, y = x Wᵀ + b: x is `[batch, inp]`, W is `[out, inp]`, b is `[out]` and y is
//! `[batch, out]`. A picture is read as the vector of its numbers in HWC order.

#[cfg(feature = "cuda")]
pub(in crate::layer) mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

#[cfg(feature = "std")]
pub(in crate::layer) use host::{
    Sides, backward_linear, descend, forward_linear, pack, scratch,
};

use super::{Misfit, Part, PartKind, Style};
use crate::rule::Dims;
use crate::shape::Shape;

/// A fully connected layer. Its weights are W, `[out, inp]`, and b, `[out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dense {
    /// Outputs.
    pub out: u32,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Dense {
    pub(super) const STYLE: Style = Style::apart(true);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        if self.out == 0 {
            return Err(Misfit::Zero);
        }
        match Dims::dense(self.out, x.len() as u32) {
            Ok(dims) if dims.len() < Shape::MOST as usize => Ok(Shape::vector(self.out)),
            _ => Err(Misfit::TooLarge),
        }
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        match part {
            0 => Part::new(Dims::dense(self.out, x.len() as u32), PartKind::Weight),
            1 if self.bias => Part::vector(self.out, PartKind::Bias),
            _ => None,
        }
    }

    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 0)
    }
}
