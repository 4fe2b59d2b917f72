//! One trained number multiplied with everything, y = α x: the multiplier at the end of a residual
//! branch. It starts at 1 in Fixup (Zhang et al. 2019), at 0 in SkipInit (De & Smith 2020) and
//! ReZero (Bachlechner et al. 2021); the start is the scheme's affair.

mod portable;

use super::{Misfit, Part, PartKind, Style};
use crate::shape::Shape;

/// One number multiplied with everything. Its weight is α, `[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Multiplier;

impl Multiplier {
    pub(super) const STYLE: Style = Style::in_place(true, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        Ok(x)
    }

    pub(super) const fn part(&self, _: Shape, part: usize) -> Option<Part> {
        if part == 0 { Part::vector(1, PartKind::Multiplier) } else { None }
    }

    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 0)
    }
}
