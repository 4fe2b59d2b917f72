//! A gradient that is summed in memory instead of moving a weight: s ← s + g.

use super::Move;

#[derive(Clone, Copy)]
pub(crate) struct Accumulate;

impl Move for Accumulate {
    const STATE: usize = 1;

    #[inline(always)]
    fn apply(&self, _w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        for (s, g) in s.iter_mut().zip(g) {
            *s += g;
        }
    }
}
