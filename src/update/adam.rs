//! Adam (Kingma & Ba 2015, algorithm 1) in PyTorch's form, with t, the number of the step, from 1:
//! g ← g + λ w, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
//! w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).

use super::{Group, Move, Step, Update, is_decay, is_epsilon, is_share};
use crate::math;

/// Adam. Its state are two numbers a weight, m and v.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adam {
    /// β₁ and β₂, the shares that the means of the gradient and of its square keep in a step.
    pub betas: [f32; 2],
    /// ε, what the root of the mean square is never less than.
    pub eps: f32,
    /// λ, the weight decay (an L2 penalty), at most 1.
    pub decay: f32,
}

impl Default for Adam {
    /// PyTorch's settings: β 0.9 and 0.999, ε 10⁻⁸, no decay.
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8, decay: 0.0 }
    }
}

impl Update for Adam {
    type Move = AdamMove;

    fn at(&self, step: Step, _: Group) -> AdamMove {
        AdamMove::new(self.betas, self.eps, step).with_penalty(self.decay)
    }

    fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }

    fn is_sound(&self) -> bool {
        self.betas.into_iter().all(is_share) && is_epsilon(self.eps) && is_decay(self.decay)
    }
}

/// One step of [`Adam`] or [`AdamW`](super::AdamW).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamMove {
    betas: [f32; 2],
    eps: f32,
    /// η / (1 − β₁ᵗ).
    rate: f32,
    /// 1 / √(1 − β₂ᵗ).
    scale: f32,
    /// λ of a penalty: g ← g + λ w.
    penalty: f32,
    /// What is left of a weight that decays by itself: 1 − η λ.
    kept: f32,
}

impl AdamMove {
    /// A step without decay. The corrections of the means' start at zero are computed once, in f64.
    pub(super) fn new(betas: [f32; 2], eps: f32, step: Step) -> Self {
        let [first, second] = betas.map(|beta| 1.0 - math::power(f64::from(beta), step.number));
        Self {
            betas,
            eps,
            rate: (f64::from(step.rate) / first) as f32,
            scale: (1.0 / math::sqrt_f64(second)) as f32,
            penalty: 0.0,
            kept: 1.0,
        }
    }

    pub(super) const fn with_penalty(self, penalty: f32) -> Self {
        Self { penalty, ..self }
    }

    pub(super) const fn with_kept(self, kept: f32) -> Self {
        Self { kept, ..self }
    }
}

impl Move for AdamMove {
    const STATE: usize = 2;

    /// A square that overflows stands the weight still: m / ∞ is 0.
    #[inline(always)]
    fn apply(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        let Self { betas: [b1, b2], eps, rate, scale, penalty, kept } = *self;
        let (c1, c2) = (1.0 - b1, 1.0 - b2);
        for ((w, [m, v]), g) in w.iter_mut().zip(s.as_chunks_mut::<2>().0).zip(g) {
            let g = g + penalty * *w;
            *m = b1 * *m + c1 * g;
            *v = b2 * *v + c2 * (g * g);
            *w = kept * *w - rate * (*m / (math::sqrt(*v) * scale + eps));
        }
    }
}

#[cfg(feature = "cuda")]
impl super::OnGpu for AdamMove {
    fn on_gpu(&self) -> (&'static str, [f32; super::on_gpu::NUMBERS]) {
        let Self { betas: [b1, b2], eps, rate, scale, penalty, kept } = *self;
        ("move_adam", super::on_gpu::numbers([rate, penalty, b1, b2, eps, scale, kept]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The corrections make the first step as long as the rate, whatever the gradient.
    #[test]
    fn the_first_step_is_as_long_as_the_rate() {
        for g in [1e-3f32, 1.0, 1e6, 1e30] {
            let (mut w, mut s) = ([1.0f32], [0.0f32; 2]);
            let step = Step { rate: 0.25, number: 1 };
            Adam::default().at(step, Group::Matrix).apply(&mut w, &mut s, [g].into_iter());
            let want = if g < 1e20 { 0.75 } else { 1.0 };
            assert!((w[0] - want).abs() < 1e-5, "{g}: {}", w[0]);
        }
    }
}
