//! AdamW (Loshchilov & Hutter 2019, algorithm 2) in PyTorch's form: the step of Adam, beside a decay
//! that its means do not see: w ← (1 − η λ) w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).

use super::{AdamMove, Group, Step, Update, is_epsilon, is_share};

/// Adam with decay of its own. Its state are two numbers a weight, m and v.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdamW {
    /// β₁ and β₂, the shares that the means of the gradient and of its square keep in a step.
    pub betas: [f32; 2],
    /// ε, what the root of the mean square is never less than.
    pub eps: f32,
    /// λ: a step shrinks a weight by the factor 1 − η λ.
    pub decay: f32,
}

impl Default for AdamW {
    /// PyTorch's settings: β 0.9 and 0.999, ε 10⁻⁸, λ 0.01.
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8, decay: 0.01 }
    }
}

impl Update for AdamW {
    type Move = AdamMove;

    fn at(&self, step: Step, _: Group) -> AdamMove {
        let kept = 1.0 - step.rate * self.decay;
        AdamMove::new(self.betas, self.eps, step).with_kept(kept)
    }

    fn decay(&self) -> f32 {
        self.decay
    }

    fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }

    fn is_sound(&self) -> bool {
        let decays = self.decay >= 0.0 && self.decay.is_finite();
        self.betas.into_iter().all(is_share) && is_epsilon(self.eps) && decays
    }
}
