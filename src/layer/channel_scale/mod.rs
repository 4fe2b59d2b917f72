//! Each channel multiplied by a number of its own, y[p][c] = x[p][c] · s[c]: the excitation of
//! squeeze-and-excitation (Hu et al. 2018, eq. 4). x, y are `[batch, pixels, channels]`, s is
//! `[batch, channels]`.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Style};
use crate::shape::Shape;

/// Each channel multiplied by a number that another value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChannelScale;

weightless!(ChannelScale);

impl ChannelScale {
    pub(super) const STYLE: Style = Style::apart(true);

    pub(super) const fn output(&self, x: Shape, s: Option<Shape>) -> Result<Shape, Misfit> {
        match s {
            Some(s) if s.same(Shape::vector(x.channels)) => Ok(x),
            _ => Err(Misfit::Operands),
        }
    }
}
