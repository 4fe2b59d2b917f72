//! A long short-term memory (Hochreiter & Schmidhuber 1997) over a line of tokens.
//!
//! PyTorch's order of gates i, f, g, o: c ← f c + i g, h ← o tanh c.
//!
//! x is `[batch, tokens, inp]`, y is `[batch, tokens, hidden]`; the state before the first token is 0.
//! W is `[4 hidden, inp]`, U is `[4 hidden, hidden]`, and each has a bias of its own, as in PyTorch.
//! The gradient goes back through all tokens. A start sees each gate as a matrix of its own.

mod portable;

use super::{Misfit, Part, Style, recurrent};
use crate::shape::Shape;

/// A long short-term memory (Hochreiter & Schmidhuber 1997). Its weights are W, U and their biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lstm {
    /// Numbers in the state.
    pub hidden: u32,
    /// Whether the line is read from its end.
    pub reverse: bool,
}

impl Lstm {
    pub(super) const STYLE: Style = Style::apart(true);

    /// Gates: runs of `hidden` rows of W and of U.
    pub(super) const GATES: u32 = 4;

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        recurrent::output(x, self.hidden)
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        recurrent::part(x, self.hidden, Self::GATES, part)
    }

    /// Numbers of a unit that backward wants kept of each token, beside the state before it.
    const KEPT: usize = 5;

    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        recurrent::saved(x, self.hidden, Self::KEPT)
    }
}
