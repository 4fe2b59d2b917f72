//! An update that is chosen while the program runs: an engine is compiled once for all of them. It
//! gathers the whole gradient first; which update it is, is asked once for each weight of a layer,
//! and the loops over its numbers are those of the update itself.
//!
//! ```
//! use idinit::update::{Adam, Chosen, Clip, Grouped, Update};
//! let adam = Chosen::Adam(Adam { decay: 1e-3, ..Adam::default() });
//! let grouped = Grouped { update: adam, scalar_rate: 0.1, decay_vectors: false };
//! let update = Clip { update: grouped, most: f32::INFINITY };
//! assert_eq!((update.state(), Chosen::named("adam")), (2, Some(Chosen::Adam(Adam::default()))));
//! ```

use super::{
    AdaDelta, AdaDeltaMove, Adagrad, AdagradMove, Adam, AdamMove, AdamW, Group, Momentum,
    MomentumMove, Move, Sgd, SgdMove, Step, Update,
};

/// Any of the updates, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Chosen {
    /// Plain descent.
    Sgd(Sgd),
    /// Descent with momentum.
    Momentum(Momentum),
    /// Adam.
    Adam(Adam),
    /// Adam with decay of its own.
    AdamW(AdamW),
    /// AdaDelta.
    AdaDelta(AdaDelta),
    /// Adagrad.
    Adagrad(Adagrad),
}

/// The same expression for each update.
macro_rules! each {
    ($self:expr, $update:ident => $then:expr) => {
        match $self {
            Chosen::Sgd($update) => $then,
            Chosen::Momentum($update) => $then,
            Chosen::Adam($update) => $then,
            Chosen::AdamW($update) => $then,
            Chosen::AdaDelta($update) => $then,
            Chosen::Adagrad($update) => $then,
        }
    };
}

impl Chosen {
    /// Every name that [`Chosen::named`] knows.
    pub const NAMES: &[&str] = &["sgd", "momentum", "adam", "adamw", "adadelta", "adagrad"];

    /// The update of that name with its usual settings: those of PyTorch, and a momentum of 0.9.
    pub fn named(name: &str) -> Option<Self> {
        let momentum = Momentum { momentum: 0.9, ..Momentum::default() };
        let all = [
            Self::Sgd(Sgd::default()),
            Self::Momentum(momentum),
            Self::Adam(Adam::default()),
            Self::AdamW(AdamW::default()),
            Self::AdaDelta(AdaDelta::default()),
            Self::Adagrad(Adagrad::default()),
        ];
        all.into_iter().find(|update| update.name() == name)
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Momentum(_) => "momentum",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
            Self::AdaDelta(_) => "adadelta",
            Self::Adagrad(_) => "adagrad",
        }
    }

    /// The same update with another weight decay, whichever way it decays.
    #[must_use]
    pub const fn with_decay(mut self, decay: f32) -> Self {
        each!(&mut self, update => update.decay = decay);
        self
    }

    /// λ, whichever way it decays.
    pub const fn own_decay(&self) -> f32 {
        each!(self, update => update.decay)
    }
}

impl Update for Chosen {
    type Move = ChosenMove;
    const WHOLE: bool = true;

    fn state(&self) -> usize {
        fn of<U: Update>(update: &U) -> usize {
            update.state()
        }
        each!(self, update => of(update))
    }

    fn at(&self, step: Step, group: Group) -> ChosenMove {
        match self {
            Self::Sgd(update) => ChosenMove::Sgd(update.at(step, group)),
            Self::Momentum(update) => ChosenMove::Momentum(update.at(step, group)),
            Self::Adam(update) => ChosenMove::Adam(update.at(step, group)),
            Self::AdamW(update) => ChosenMove::Adam(update.at(step, group)),
            Self::AdaDelta(update) => ChosenMove::AdaDelta(update.at(step, group)),
            Self::Adagrad(update) => ChosenMove::Adagrad(update.at(step, group)),
        }
    }

    fn decay(&self) -> f32 {
        each!(self, update => update.decay())
    }

    fn without_decay(self) -> Self {
        self.with_decay(0.0)
    }

    fn is_sound(&self) -> bool {
        each!(self, update => update.is_sound())
    }
}

/// One step of a [`Chosen`] update. Its state has [`Update::state`] numbers a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChosenMove {
    /// One of plain descent.
    Sgd(SgdMove),
    /// One with momentum.
    Momentum(MomentumMove),
    /// One of Adam, with either decay.
    Adam(AdamMove),
    /// One of AdaDelta.
    AdaDelta(AdaDeltaMove),
    /// One of Adagrad.
    Adagrad(AdagradMove),
}

impl Move for ChosenMove {
    /// The most that any of them keeps.
    const STATE: usize = 2;

    fn apply(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        match self {
            Self::Sgd(step) => step.apply(w, s, g),
            Self::Momentum(step) => step.apply(w, s, g),
            Self::Adam(step) => step.apply(w, s, g),
            Self::AdaDelta(step) => step.apply(w, s, g),
            Self::Adagrad(step) => step.apply(w, s, g),
        }
    }

    fn apply_zeros(&self, w: &mut [f32], s: &mut [f32]) {
        match self {
            Self::Sgd(step) => step.apply_zeros(w, s),
            Self::Momentum(step) => step.apply_zeros(w, s),
            Self::Adam(step) => step.apply_zeros(w, s),
            Self::AdaDelta(step) => step.apply_zeros(w, s),
            Self::Adagrad(step) => step.apply_zeros(w, s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_update_that_can_work() {
        for name in Chosen::NAMES {
            let update = Chosen::named(name).unwrap();
            assert!(update.name() == *name && update.is_sound() && update.state() <= 2);
            assert_eq!(update.with_decay(0.125).own_decay(), 0.125);
            assert!(!update.with_decay(-1.0).is_sound() && !update.with_decay(f32::NAN).is_sound());
        }
        assert_eq!(Chosen::named("lion"), None);
    }

    #[test]
    fn gradients_of_zero_move_as_any_others_do() {
        for (name, decay) in Chosen::NAMES.iter().flat_map(|name| [(name, 0.0), (name, 0.125)]) {
            let update = Chosen::named(name).unwrap().with_decay(decay);
            let (mut w, mut s) = ([0.5, -0.0, 3e-5, -7.0], [0.0; 8]);
            for number in 1..=5 {
                let how = update.at(Step { rate: 0.1, number }, Group::Matrix);
                how.apply(&mut w, &mut s, [0.25, -1e-9, 3.0, 0.0].into_iter());
                let (mut w_too, mut s_too) = (w, s);
                how.apply(&mut w, &mut s, [0.0; 4].into_iter());
                how.apply_zeros(&mut w_too, &mut s_too);
                let bits = |all: &[f32]| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!((bits(&w), bits(&s)), (bits(&w_too), bits(&s_too)), "{name} {decay}");
            }
        }
    }

    #[test]
    fn only_a_decay_that_shrinks_weights_limits_the_rate() {
        let limits = Chosen::NAMES.iter().map(|name| {
            Chosen::named(name).map_or(f32::NAN, |update| update.with_decay(0.5).decay())
        });
        assert!(limits.eq([0.5, 0.5, 0.0, 0.5, 0.0, 0.0]));
    }
}
