//! Clipping by norm: the whole gradient is shortened to a largest Euclidean norm, as
//! `torch.nn.utils.clip_grad_norm_` does it: g ← g · min(1, most / (‖g‖ + 10⁻⁶)).

use super::{Group, Step, Update};

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
    type Move = U::Move;
    const WHOLE: bool = true;

    fn state(&self) -> usize {
        self.update.state()
    }

    fn at(&self, step: Step, group: Group) -> U::Move {
        self.update.at(step, group)
    }

    fn decay(&self) -> f32 {
        self.update.decay()
    }

    fn without_decay(self) -> Self {
        Self { update: self.update.without_decay(), ..self }
    }

    fn is_sound(&self) -> bool {
        self.update.is_sound() && self.most > 0.0
    }

    fn most_norm(&self) -> f32 {
        self.most
    }
}
