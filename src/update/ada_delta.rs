//! AdaDelta (Zeiler 2012, algorithm 1) in PyTorch's form: g ← g + λ w, v ← ρ v + (1 − ρ) g²,
//! d = √(u + ε) / √(v + ε) · g, u ← ρ u + (1 − ρ) d², w ← w − η d.

use super::{Group, Move, Step, Update, is_decay, is_epsilon, is_share};
use crate::math;

/// AdaDelta. Its state are two numbers a weight, v and u. The paper's rate η is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaDelta {
    /// ρ, the share that the means of the squares keep in a step.
    pub rho: f32,
    /// ε, what the mean squares are never less than.
    pub eps: f32,
    /// λ, the weight decay (an L2 penalty), at most 1.
    pub decay: f32,
}

impl Default for AdaDelta {
    /// PyTorch's settings: ρ 0.9, ε 10⁻⁶, no decay.
    fn default() -> Self {
        Self { rho: 0.9, eps: 1e-6, decay: 0.0 }
    }
}

impl Update for AdaDelta {
    type Move = AdaDeltaMove;

    fn at(&self, step: Step, _: Group) -> AdaDeltaMove {
        AdaDeltaMove { update: *self, rate: step.rate }
    }

    fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }

    fn is_sound(&self) -> bool {
        is_share(self.rho) && is_epsilon(self.eps) && is_decay(self.decay)
    }
}

/// One step of [`AdaDelta`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaDeltaMove {
    update: AdaDelta,
    rate: f32,
}

impl Move for AdaDeltaMove {
    const STATE: usize = 2;

    /// A square that overflows stands the weight still: √(u + ε) / ∞ is 0.
    #[inline(always)]
    fn apply(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        let Self { update: AdaDelta { rho, eps, decay }, rate } = *self;
        let rest = 1.0 - rho;
        for ((w, [v, u]), g) in w.iter_mut().zip(s.as_chunks_mut::<2>().0).zip(g) {
            let g = g + decay * *w;
            *v = rho * *v + rest * (g * g);
            let d = math::sqrt(*u + eps) / math::sqrt(*v + eps) * g;
            *u = rho * *u + rest * (d * d);
            *w -= rate * d;
        }
    }

    /// Without a gradient, weights stand still, and the means forget.
    #[inline(always)]
    fn apply_zeros(&self, w: &mut [f32], s: &mut [f32]) {
        let AdaDelta { rho, decay, .. } = self.update;
        if decay == 0.0 {
            s.iter_mut().for_each(|mean| *mean *= rho);
        } else {
            let count = w.len();
            self.apply(w, s, core::iter::repeat_n(0.0, count));
        }
    }
}

#[cfg(feature = "cuda")]
impl super::OnGpu for AdaDeltaMove {
    fn on_gpu(&self) -> (&'static str, [f32; super::on_gpu::NUMBERS]) {
        let Self { update: AdaDelta { rho, eps, decay }, rate } = *self;
        ("move_ada_delta", super::on_gpu::numbers([rate, decay, rho, eps]))
    }
}
