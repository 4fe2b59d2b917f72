//! One trained number added to everything, y = x + b: the bias of Fixup (Zhang et al. 2019, §3),
//! which has one such number before each convolution and each activation.

mod portable;

use super::{Misfit, Part, PartKind, Style};
use crate::shape::Shape;

/// One number added to everything. Its weight is b, `[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScalarBias;

impl ScalarBias {
    pub(super) const STYLE: Style = Style::in_place(false, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(x)
    }

    pub(super) const fn part(&self, _: Shape, part: usize) -> Option<Part> {
        if part == 0 { Part::vector(1, PartKind::Bias) } else { None }
    }

    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 0)
    }
}
