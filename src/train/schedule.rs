//! The learning rate over a run: rate(t) = peak · s(t), where t counts the steps from 0.

use core::f64::consts::PI;

/// How the learning rate goes on after its warm-up. With p, the share of the steps after the
/// warm-up that are done, from 0 to 1:
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// s = 1.
    #[default]
    Constant,
    /// s = 1 − p.
    Linear,
    /// s = (1 + cos π p) / 2 (Loshchilov & Hutter 2017, eq. 5, without restarts).
    Cosine,
}

impl Schedule {
    /// Every name that [`Schedule::parse`] knows.
    pub const NAMES: &[&str] = &["constant", "linear", "cosine"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Cosine => "cosine",
        }
    }

    /// The schedule of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Constant, Self::Linear, Self::Cosine].into_iter().find(|known| known.name() == name)
    }

    /// The factor s at a step of a run of `steps` steps, of which the first `warm_up` rise evenly
    /// to 1.
    pub fn factor(self, step: u64, warm_up: u64, steps: u64) -> f32 {
        if step < warm_up {
            return ((step + 1) as f64 / warm_up as f64) as f32;
        }
        let after = steps.saturating_sub(warm_up).max(1);
        let done = ((step - warm_up) as f64 / after as f64).min(1.0);
        (match self {
            Self::Constant => 1.0,
            Self::Linear => 1.0 - done,
            Self::Cosine => 0.5 + 0.5 * libm::cos(PI * done),
        }) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_from_one_to_nothing() {
        let four = |schedule: Schedule| [0, 1, 2, 3, 4].map(|t| schedule.factor(t, 0, 4));
        assert_eq!(four(Schedule::Constant), [1.0; 5]);
        assert_eq!(four(Schedule::Linear), [1.0, 0.75, 0.5, 0.25, 0.0]);
        let cosine = four(Schedule::Cosine);
        assert_eq!((cosine[0], cosine[2], cosine[4]), (1.0, 0.5, 0.0));
    }

    #[test]
    fn a_warm_up_rises_to_the_peak_and_takes_its_steps_from_the_fall() {
        let rates = [0, 1, 2, 3, 4, 5].map(|t| Schedule::Linear.factor(t, 2, 6));
        assert_eq!(rates, [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]);
        assert_eq!(Schedule::Linear.factor(9, 10, 5), 1.0);
    }

    #[test]
    fn every_name_is_a_schedule() {
        assert!(Schedule::NAMES.iter().all(|name| Schedule::parse(name).is_some()));
        assert_eq!(Schedule::parse("step"), None);
    }
}
