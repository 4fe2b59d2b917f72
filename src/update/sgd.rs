//! Stochastic gradient descent, plain and with momentum, in PyTorch's form:
//! g ← g + λ w, v ← μ v + g, w ← w − η v (Nesterov: w ← w − η (g + μ v)).

use super::{Group, Move, Step, Update, outer};

/// Plain descent, w ← w − η (g + λ w). It keeps no state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd {
    /// λ, the weight decay (an L2 penalty).
    pub decay: f32,
}

impl Update for Sgd {
    type Move = SgdMove;

    fn at(&self, step: Step, _: Group) -> SgdMove {
        SgdMove { rate: step.rate, decay: self.decay }
    }

    fn decay(&self) -> f32 {
        self.decay
    }

    fn without_decay(self) -> Self {
        Self { decay: 0.0 }
    }

    fn is_sound(&self) -> bool {
        self.decay >= 0.0 && self.decay.is_finite()
    }
}

/// One step of [`Sgd`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdMove {
    rate: f32,
    decay: f32,
}

impl Move for SgdMove {
    const STATE: usize = 0;

    #[inline(always)]
    fn apply(&self, w: &mut [f32], _s: &mut [f32], g: impl Iterator<Item = f32>) {
        let Self { rate, decay } = *self;
        if decay == 0.0 {
            for (w, g) in w.iter_mut().zip(g) {
                *w -= rate * g;
            }
        } else {
            for (w, g) in w.iter_mut().zip(g) {
                *w -= rate * (g + decay * *w);
            }
        }
    }

    /// w ← w − (η g) x − (η λ) w: the rate is multiplied once for each row.
    #[inline(always)]
    fn apply_outer(&self, w: &mut [f32], _s: &mut [f32], g: &[f32], x: &[f32]) {
        let Self { rate, decay } = *self;
        let decay = rate * decay;
        if decay == 0.0 {
            outer::rows(w, g, x, rate, |w, step, x| *w -= step * x);
        } else {
            outer::rows(w, g, x, rate, |w, step, x| *w -= step * x + decay * *w);
        }
    }
}

#[cfg(feature = "cuda")]
impl super::OnGpu for SgdMove {
    fn on_gpu(&self) -> (&'static str, [f32; super::on_gpu::NUMBERS]) {
        let Self { rate, decay } = *self;
        ("move_sgd", super::on_gpu::numbers([rate, decay]))
    }
}

/// Descent with momentum. Its state is one velocity a weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Momentum {
    /// μ, the share of the velocity that a step keeps.
    pub momentum: f32,
    /// λ, the weight decay (an L2 penalty).
    pub decay: f32,
    /// Whether the step looks ahead: w ← w − η (g + μ v).
    pub nesterov: bool,
}

impl Update for Momentum {
    type Move = MomentumMove;

    fn at(&self, step: Step, _: Group) -> MomentumMove {
        MomentumMove { update: *self, rate: step.rate }
    }

    fn decay(&self) -> f32 {
        self.decay
    }

    fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }

    fn is_sound(&self) -> bool {
        let Self { momentum, decay, .. } = *self;
        (0.0..1.0).contains(&momentum) && decay >= 0.0 && decay.is_finite()
    }
}

/// One step of [`Momentum`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentumMove {
    update: Momentum,
    rate: f32,
}

impl Move for MomentumMove {
    const STATE: usize = 1;

    #[inline(always)]
    fn apply(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        let Self { update: Momentum { momentum, decay, nesterov }, rate } = *self;
        let moving = w.iter_mut().zip(s).zip(g);
        if decay == 0.0 && !nesterov {
            for ((w, v), g) in moving {
                *v = momentum * *v + g;
                *w -= rate * *v;
            }
        } else {
            for ((w, v), g) in moving {
                let g = g + decay * *w;
                *v = momentum * *v + g;
                *w -= rate * if nesterov { g + momentum * *v } else { *v };
            }
        }
    }

    #[inline(always)]
    fn apply_outer(&self, w: &mut [f32], s: &mut [f32], g: &[f32], x: &[f32]) {
        let Self { update: Momentum { momentum, decay, nesterov }, rate } = *self;
        if decay == 0.0 && !nesterov {
            outer::rows_with_state(w, s, g, x, |w, v, g, x| {
                *v = momentum * *v + g * x;
                *w -= rate * *v;
            });
        } else {
            outer::rows_with_state(w, s, g, x, |w, v, g, x| {
                let g = g * x + decay * *w;
                *v = momentum * *v + g;
                *w -= rate * if nesterov { g + momentum * *v } else { *v };
            });
        }
    }
}

#[cfg(feature = "cuda")]
impl super::OnGpu for MomentumMove {
    fn on_gpu(&self) -> (&'static str, [f32; super::on_gpu::NUMBERS]) {
        let Self { update: Momentum { momentum, decay, nesterov }, rate } = *self;
        let nesterov = f32::from(nesterov as u8);
        ("move_momentum", super::on_gpu::numbers([rate, decay, momentum, nesterov]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minimises w²/2, whose gradient is w, for three steps.
    fn descend(update: impl Update) -> f32 {
        let (mut w, mut v) = ([1.0f32], [0.0f32]);
        for number in 1..=3 {
            let g = w[0];
            let step = Step { rate: 0.5, number };
            update.at(step, Group::Matrix).apply(&mut w, &mut v, [g].into_iter());
        }
        w[0]
    }

    #[test]
    fn a_parabola_is_descended_as_by_hand() {
        assert_eq!(descend(Sgd { decay: 0.0 }), 0.125);
        // g + w: each step w ← w − 0.5 · 2 w = 0
        assert_eq!(descend(Sgd { decay: 1.0 }), 0.0);
        // v: 1, 1, 0.5; w: 0.5, 0, −0.25
        assert_eq!(descend(Momentum { momentum: 0.5, ..Momentum::default() }), -0.25);
    }
}
