//! A start is a function: from the sizes of a weight and an index to a number.
//!
//! It can be read at one place ([`Start::at`]), listed without its zeros ([`Start::nonzeros`]),
//! written whole or in windows of any size, and written in int8. All of these agree to the bit, so
//! that a weight can be streamed through a buffer of one row.

use super::{Dims, Element, Rule};
use core::{fmt, ops::Range};

/// What can write a whole weight.
pub trait Fill {
    /// Writes all [`Dims::len`] weights.
    fn fill_f32(&self, d: Dims, w: &mut [f32]) -> Result<(), LengthError>;

    /// Writes the window that begins at index `start`, of any length that ends within the weight.
    ///
    /// # Errors
    /// A [`LengthError`] where it does not, and for a part of a weight that can only be written whole,
    /// such as an [`Orthogonal`](super::Orthogonal) one.
    #[inline(always)]
    fn fill_window(&self, d: Dims, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        match start {
            0 => self.fill_f32(d, w),
            _ => Err(LengthError { need: d.len(), got: w.len() }),
        }
    }

    /// The rule that gives every weight by its index, where it is one of the crate's.
    fn rule(&self) -> Option<Rule> {
        None
    }

    /// That rule and what scales it, where a part of the weight is scaled.
    fn scaled(&self) -> Option<Scaled> {
        None
    }
}

/// A rule of the crate, whose outputs from one on are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scaled {
    /// What all outputs start from.
    pub rule: Rule,
    /// The first output that is scaled.
    pub output: u32,
    /// What its weights and those of all later outputs are multiplied with.
    pub factor: f32,
}

impl<S: Start> Fill for S {
    #[inline(always)]
    fn fill_f32(&self, d: Dims, w: &mut [f32]) -> Result<(), LengthError> {
        self.fill(d, w)
    }

    #[inline(always)]
    fn fill_window(&self, d: Dims, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        self.fill_from(d, start, w)
    }

    fn rule(&self) -> Option<Rule> {
        Start::rule(*self)
    }
}

/// A weight that is a function of its index.
pub trait Start: Copy + Fill {
    /// The rule, where it is one of the crate's.
    fn rule(self) -> Option<Rule> {
        None
    }

    /// The weight at index `i` of `[out][kh][kw][in]`; 0 past the end.
    fn at(self, d: Dims, i: usize) -> f32;

    /// The weights that are not zero, of those `within`, in ascending order of index.
    fn nonzeros_in(self, d: Dims, within: Range<usize>) -> impl Iterator<Item = (usize, f32)>;

    /// The step of [`fill_i8`](Self::fill_i8): a weight is its int8 times this. Never 0.
    fn scale(self, d: Dims) -> f32;

    /// The weights that are not zero, in ascending order of index.
    fn nonzeros(self, d: Dims) -> impl Iterator<Item = (usize, f32)> {
        self.nonzeros_in(d, 0..d.len())
    }

    /// Writes all [`Dims::len`] weights.
    #[inline(always)]
    fn fill<T: Element>(self, d: Dims, w: &mut [T]) -> Result<(), LengthError> {
        if w.len() != d.len() {
            return Err(LengthError { need: d.len(), got: w.len() });
        }
        self.fill_from(d, 0, w)
    }

    /// Writes the window that begins with output `first_row`.
    fn fill_rows<T: Element>(
        self,
        d: Dims,
        first_row: u32,
        w: &mut [T],
    ) -> Result<(), LengthError> {
        self.fill_from(d, first_row.min(d.out()) as usize * d.row(), w)
    }

    /// Writes the window that begins at index `start`, of any length that ends within the weight.
    fn fill_from<T: Element>(self, d: Dims, start: usize, w: &mut [T]) -> Result<(), LengthError> {
        fits(d, start, w.len())?;
        sparse(self, d, start, w, T::ZERO, T::from_f32);
        Ok(())
    }

    /// Writes the window that begins at index `start` in int8, and gives the step:
    /// weight = int8 · step. An [`Exact`](super::Exact) rule loses nothing: its int8 is −1, 0 or 1.
    fn fill_i8(self, d: Dims, start: usize, w: &mut [i8]) -> Result<f32, LengthError> {
        fits(d, start, w.len())?;
        let scale = self.scale(d);
        let step = |value| libm::rintf(value / scale).clamp(-127.0, 127.0) as i8;
        sparse(self, d, start, w, 0, step);
        Ok(scale)
    }
}

/// Zeroes the window, at memset's speed, then writes the weights that are not zero.
pub(super) fn sparse<T: Copy>(
    rule: impl Start,
    d: Dims,
    start: usize,
    w: &mut [T],
    zero: T,
    element: impl Fn(f32) -> T,
) {
    wash(w, zero);
    rule.nonzeros_in(d, start..start + w.len()).for_each(|(i, value)| {
        if let Some(place) = w.get_mut(i - start) {
            *place = element(value);
        }
    });
}

/// Fills a window with zeros, at memset's speed; where the program is to be small, without `memset`,
/// which takes a third of a kilobyte.
#[inline(always)]
pub(super) fn wash<T: Copy>(w: &mut [T], zero: T) {
    if cfg!(optimize_for_size) {
        for w in w {
            *w = core::hint::black_box(zero);
        }
    } else {
        w.fill(zero);
    }
}

/// A window of `got` weights from `start` on must end within the weight.
pub(super) const fn fits(d: Dims, start: usize, got: usize) -> Result<(), LengthError> {
    let need = d.len().saturating_sub(start);
    if got <= need { Ok(()) } else { Err(LengthError { need, got }) }
}

/// The slice is not as long as the weight, or reaches past its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LengthError {
    /// Weights that there are, from the window's start on.
    pub need: usize,
    /// Length of the slice.
    pub got: usize,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} weights, but a slice of {}", self.need, self.got)
    }
}

impl core::error::Error for LengthError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Exact, Order};

    const RULE: Exact = Exact::ZeroPreserving { eps: 0.5, order: Order::SpatialMajor };

    #[test]
    fn a_window_is_a_part_of_the_whole() {
        let d = Dims::dense(3, 3).unwrap();
        let (mut whole, mut part) = ([9.0_f32; 9], [9.0_f32; 4]);
        RULE.fill(d, &mut whole).unwrap();
        assert_eq!(whole, [0.5, -0.5, 0.0, 0.0, 0.5, -0.5, -0.5, 0.0, 0.5]);
        RULE.fill_rows(d, 1, &mut part).unwrap();
        assert_eq!(part, whole[3..7]);
        RULE.fill_from(d, 5, &mut part).unwrap();
        assert_eq!(part, whole[5..]);
    }

    #[test]
    fn int8_has_the_three_values() {
        let (d, mut q) = (Dims::dense(2, 3).unwrap(), [9; 6]);
        assert_eq!(RULE.fill_i8(d, 0, &mut q), Ok(0.5));
        assert_eq!(q, [1, 0, -1, 0, 1, -1]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let d = Dims::dense(2, 3).unwrap();
        let mut w = [0.0_f32; 5];
        assert_eq!(RULE.fill(d, &mut w), Err(LengthError { need: 6, got: 5 }));
        assert_eq!(RULE.fill_from(d, 2, &mut w), Err(LengthError { need: 4, got: 5 }));
        assert_eq!(RULE.fill_rows(d, u32::MAX, &mut w), Err(LengthError { need: 0, got: 5 }));
        assert_eq!(RULE.fill_i8(d, usize::MAX, &mut []), Ok(0.5));
    }
}
