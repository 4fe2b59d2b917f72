//! A gradient that is summed in memory instead of moving a weight, in one order from the first example of a
//! step to the last: a sum goes on where the part before has left it, so that a batch that comes an example
//! at a time has the bits of one that comes at once.

use super::{Move, outer};
use crate::math;

#[derive(Clone, Copy)]
pub(crate) struct Gather;

impl Move for Gather {
    const STATE: usize = 1;

    #[inline(always)]
    fn begin(s: &[f32], sums: &mut [f32]) {
        math::copy(sums, s);
    }

    /// `g` began where `s` had left off.
    #[inline(always)]
    fn apply(&self, _: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        s.iter_mut().zip(g).for_each(|(s, g)| *s = g);
    }

    #[inline(always)]
    fn apply_part(&self, _: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        s.iter_mut().zip(g).for_each(|(s, g)| *s += g);
    }

    #[inline(always)]
    fn apply_zeros(&self, _: &mut [f32], _: &mut [f32]) {}

    #[inline(always)]
    fn apply_outer(&self, _: &mut [f32], s: &mut [f32], g: &[f32], x: &[f32]) {
        outer::rows(s, g, x, 1.0, |s, g, x| *s += g * x);
    }
}
