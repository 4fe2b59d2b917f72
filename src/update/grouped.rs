//! Groups of weights that move apart: what is not a matrix may be spared the decay, and single
//! numbers may move slower, as in Fixup (Zhang et al. 2019, §4), whose scalars take a tenth of the
//! rate.

use super::{Group, Step, Update};

/// An update `U` with a rate and a decay for each group of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Grouped<U> {
    /// What moves the weights.
    pub update: U,
    /// The share of the rate that scalar biases and multipliers take, from 0 to 10.
    pub scalar_rate: f32,
    /// Whether weight decay is also for biases, gains of norms and scalars.
    pub decay_vectors: bool,
}

impl<U> Grouped<U> {
    /// All weights alike.
    pub const fn alike(update: U) -> Self {
        Self { update, scalar_rate: 1.0, decay_vectors: true }
    }
}

impl<U: Update> Update for Grouped<U> {
    type Move = U::Move;
    const WHOLE: bool = U::WHOLE;

    fn state(&self) -> usize {
        self.update.state()
    }

    fn at(&self, step: Step, group: Group) -> U::Move {
        let decays = self.decay_vectors || group == Group::Matrix;
        let update = if decays { self.update } else { self.update.without_decay() };
        let share = if group == Group::Scalar { self.scalar_rate } else { 1.0 };
        update.at(Step { rate: share * step.rate, ..step }, group)
    }

    fn decay(&self) -> f32 {
        let scalars = if self.decay_vectors { self.scalar_rate } else { 0.0 };
        self.update.decay() * scalars.max(1.0)
    }

    fn without_decay(self) -> Self {
        Self { update: self.update.without_decay(), ..self }
    }

    fn is_sound(&self) -> bool {
        self.update.is_sound() && (0.0..=10.0).contains(&self.scalar_rate)
    }

    fn factor(&self, norm: f32) -> f32 {
        self.update.factor(norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::{Move, Sgd};

    #[test]
    fn only_matrices_decay_and_scalars_take_their_share_of_the_rate() {
        let update =
            Grouped { update: Sgd { decay: 0.5 }, scalar_rate: 0.25, decay_vectors: false };
        let after = [Group::Matrix, Group::Vector, Group::Scalar].map(|group| {
            let mut w = [8.0f32];
            let step = Step { rate: 1.0, number: 1 };
            update.at(step, group).apply(&mut w, &mut [], [1.0].into_iter());
            w[0]
        });
        assert_eq!(after, [3.0, 7.0, 7.75]);
        assert_eq!((update.decay(), Grouped::alike(update.update).decay()), (0.5, 0.5));
        let fast = Grouped { scalar_rate: 4.0, decay_vectors: true, ..update };
        assert_eq!(fast.decay(), 2.0);
    }
}
