//! In training, each number is dropped with probability p and the others are divided by 1 − p
//! (Srivastava et al. 2014); in inference nothing happens.
//!
//! Which numbers are dropped is a function of the run's seed, the step, the layer and the number's
//! index in the batch: 16 bits of a Philox block each, so p is rounded to a multiple of 2⁻¹⁶. Backward
//! draws the same lots again from what forward saved, so that no mask lies in memory. Numbers drop in
//! training also where nothing before the layer is trained, and there is no backward pass.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;
mod portable;

use super::{Misfit, Part, Style};
use crate::shape::Shape;

/// Numbers that are dropped at random in training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dropout {
    /// p, the probability of a number's being dropped, from 0 to less than 1.
    pub probability: f32,
}

impl Dropout {
    pub(super) const STYLE: Style = Style::in_place(false, false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        match 0.0 <= self.probability && self.probability < 1.0 {
            true => Ok(x),
            false => Err(Misfit::Setting),
        }
    }

    pub(super) const fn part(&self, _: Shape, _: usize) -> Option<Part> {
        None
    }

    /// For a batch: the seed, the step and the layer that were drawn for, 16 bits in each number.
    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 10)
    }
}
