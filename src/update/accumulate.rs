//! A gradient that is summed in memory instead of moving a weight, by the host: s ← s + k g, where k is how many
//! examples it is the mean over, if there will be more of them before the step.

use super::Move;

#[derive(Clone, Copy)]
pub(crate) struct Accumulate {
    /// k, the weight of these gradients in the sum.
    pub weight: f32,
}

impl Move for Accumulate {
    const STATE: usize = 1;

    #[inline(always)]
    fn apply(&self, _w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        for (s, g) in s.iter_mut().zip(g) {
            *s += self.weight * g;
        }
    }
}
