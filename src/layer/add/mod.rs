//! The sum of two values, y = a + b: where a residual branch meets its skip connection. Backward
//! passes the gradient on to both, which is the engine's work.

use super::{Backward, Forward, Misfit, Style};
use crate::math;
use crate::shape::Shape;

/// The sum of two values of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Add;

weightless!(Add);

impl Add {
    pub(super) const STYLE: Style = Style::in_place(false, false);

    pub(super) const fn output(&self, a: Shape, b: Option<Shape>) -> Result<Shape, Misfit> {
        match b {
            Some(b) if a.same(b) => Ok(a),
            _ => Err(Misfit::Operands),
        }
    }

    pub(super) fn forward(&self, io: Forward<'_>) {
        math::add(io.y, io.second);
    }

    pub(super) fn backward<M>(&self, _: Backward<'_, M>) {}
}
