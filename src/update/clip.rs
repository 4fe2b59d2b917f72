//! Clipping by norm: the whole gradient is shortened to a largest Euclidean norm, as
//! `torch.nn.utils.clip_grad_norm_` does it: g ← g · min(1, most / (‖g‖ + 10⁻⁶)).

use super::Update;

/// An update `U` whose gradient is clipped first. It needs a buffer for the whole gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clip<U> {
    /// What moves the weights by the clipped gradient.
    pub update: U,
    /// The largest Euclidean norm over all trained weights.
    pub most: f32,
}

impl<U: Update> Update for Clip<U> {
    const STATE: usize = U::STATE;
    const CLIPS: bool = true;

    fn decay(&self) -> f32 {
        self.update.decay()
    }

    fn is_sound(&self) -> bool {
        self.update.is_sound() && self.most > 0.0
    }

    #[inline(always)]
    fn apply(&self, rate: f32, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        self.update.apply(rate, w, s, g);
    }

    fn factor(&self, norm: f32) -> f32 {
        (self.most / (norm + 1e-6)).min(1.0)
    }
}
