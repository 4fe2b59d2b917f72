//! The channels of two values side by side, y[p] = (a[p], b[p]): a is `[batch, pixels, a]`, b is
//! `[batch, pixels, b]` and y is `[batch, pixels, a + b]`.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Style};
use crate::shape::Shape;

/// The channels of two values side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Concat;

weightless!(Concat);

impl Concat {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, a: Shape, b: Option<Shape>) -> Result<Shape, Misfit> {
        match b {
            Some(b) if a.height == b.height && a.width == b.width => {
                match a.channels.checked_add(b.channels) {
                    Some(channels) => Ok(Shape::hwc(a.height, a.width, channels)),
                    None => Err(Misfit::TooLarge),
                }
            }
            _ => Err(Misfit::Operands),
        }
    }
}
