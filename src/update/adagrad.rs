//! Adagrad (Duchi et al. 2011) in PyTorch's form: g ← g + λ w, v ← v + g², w ← w − η g / (√v + ε).

use super::{Group, Move, Step, Update, is_decay, is_epsilon};
use crate::math;

/// Adagrad. Its state is one number a weight, the sum of squares.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adagrad {
    /// ε, what the root of the sum is never less than.
    pub eps: f32,
    /// λ, the weight decay (an L2 penalty), at most 1.
    pub decay: f32,
}

impl Default for Adagrad {
    /// PyTorch's settings: ε 10⁻¹⁰, no decay.
    fn default() -> Self {
        Self { eps: 1e-10, decay: 0.0 }
    }
}

impl Update for Adagrad {
    type Move = AdagradMove;

    fn at(&self, step: Step, _: Group) -> AdagradMove {
        AdagradMove { update: *self, rate: step.rate }
    }

    fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }

    fn is_sound(&self) -> bool {
        is_epsilon(self.eps) && is_decay(self.decay)
    }
}

/// One step of [`Adagrad`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdagradMove {
    update: Adagrad,
    rate: f32,
}

impl Move for AdagradMove {
    const STATE: usize = 1;

    /// A sum that overflows stands the weight still: g / ∞ is 0.
    #[inline(always)]
    fn apply(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        let Self { update: Adagrad { eps, decay }, rate } = *self;
        for ((w, v), g) in w.iter_mut().zip(s).zip(g) {
            let g = g + decay * *w;
            *v += g * g;
            *w -= rate * (g / (math::sqrt(*v) + eps));
        }
    }
}

#[cfg(feature = "cuda")]
impl super::OnGpu for AdagradMove {
    fn on_gpu(&self) -> (&'static str, [f32; super::on_gpu::NUMBERS]) {
        let Self { update: Adagrad { eps, decay }, rate } = *self;
        ("move_adagrad", super::on_gpu::numbers([rate, decay, eps]))
    }
}
