//! The rectifier, y = max(0, x), that keeps a bit of each number for its way back, whether it was positive, and not
//! its output, as TinyTL has it (Cai et al. 2020, §3.1). Its derivative at 0 is 0.
//!
//! [`Mode::masked`](crate::plan::Mode::masked) puts it into a plan. A number of the arena holds 30 bits, of which none is a
//! NaN, whose pattern a processor may change as it moves it.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Part, Style};
use crate::shape::Shape;

/// max(0, x), of which the backward pass reads a bit of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MaskedRelu;

/// Bits that a number holds.
const BITS: usize = 30;

impl MaskedRelu {
    pub(super) const STYLE: Style = Style::in_place(false, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(x)
    }

    pub(super) const fn part(&self, _: Shape, _: usize) -> Option<Part> {
        None
    }

    /// The bits of an example.
    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        (x.len().div_ceil(BITS), 0)
    }
}
