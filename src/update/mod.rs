//! How a weight moves: an [`Update`] takes finished gradients, a few at a time, straight from the
//! registers of the layer that computed them, so that no gradient has to lie in memory.

mod accumulate;
mod clip;
mod outer;
mod sgd;

pub(crate) use accumulate::Accumulate;
pub use clip::Clip;
pub use sgd::{Momentum, Sgd};

/// A rule by which weights follow their gradients.
pub trait Update: Copy {
    /// Numbers of state that each weight keeps between steps; they lie beside each other.
    const STATE: usize;

    /// The largest norm that a whole gradient may have, if there is one. An update with a largest
    /// norm needs the whole gradient before the first weight moves, and so a buffer for it.
    const CLIPS: bool = false;

    /// Moves the weights `w`, whose state is `s` (`STATE` numbers for each weight), by the
    /// gradients `g` at the learning rate `rate`.
    fn apply(&self, rate: f32, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>);

    /// Moves a matrix `w`, [`g.len()`, `x.len()`], by the gradient g xᵀ: what a dense layer has for a
    /// single example.
    #[inline(always)]
    fn apply_outer(&self, rate: f32, w: &mut [f32], s: &mut [f32], g: &[f32], x: &[f32]) {
        let (width, mut state) = (x.len().max(1), s);
        for (w, g) in w.chunks_exact_mut(width).zip(g) {
            let Some((s, rest)) = state.split_at_mut_checked(width * Self::STATE) else { return };
            self.apply(rate, w, s, x.iter().map(|x| g * x));
            state = rest;
        }
    }

    /// λ, the weight decay.
    fn decay(&self) -> f32 {
        0.0
    }

    /// Whether the update's settings can work.
    fn is_sound(&self) -> bool {
        true
    }

    /// The factor for a gradient of this Euclidean norm: 1, unless the update clips.
    fn factor(&self, _norm: f32) -> f32 {
        1.0
    }
}
