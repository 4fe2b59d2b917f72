//! The learning rate over a run: rate(t) = peak · s(t), where t counts the steps from 0. A warm-up
//! rises evenly to the peak; the fall of `linear` and `cosine` takes the steps behind it, while the
//! stairs of `step` and `milestones` are counted from the beginning.

use super::{Time, TimeError};
use core::f64::consts::PI;
use core::fmt;
use core::str::FromStr;

/// How the learning rate goes on after its warm-up. With p, the share of the steps after the
/// warm-up that are done, from 0 to 1:
///
/// ```
/// use idinit::train::{Schedule, Time};
/// let stairs = Schedule::Step { every: Time::Epochs(30.0), factor: 0.1 };
/// assert_eq!("step: 30 epochs: 0.1".parse(), Ok(stairs));
/// assert!("milestones: 32000, 48000: 0.1".parse::<Schedule>().is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// s = 1.
    #[default]
    Constant,
    /// s = 1 − p.
    Linear,
    /// s = (1 + cos π p) / 2 (Loshchilov & Hutter 2017, eq. 5, without restarts).
    Cosine,
    /// s = factorⁿ, where n is how often `every` has passed.
    Step {
        /// The length of a stair.
        every: Time,
        /// What each stair multiplies the rate with.
        factor: f32,
    },
    /// s = factorⁿ, where n is how many of the milestones have passed.
    Milestones {
        /// When the rate falls.
        at: [Option<Time>; Schedule::MOST],
        /// What each fall multiplies the rate with.
        factor: f32,
    },
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The steps in which the rate rises to its largest.
    pub warm_up: u64,
    /// All steps.
    pub steps: u64,
    /// The steps of an epoch.
    pub per_epoch: u64,
}

/// A text that is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is no schedule of that name.
    Name,
    /// It wants times and a factor, or it wants none.
    Form,
    /// A time cannot be read, or is none at all.
    Time,
    /// The factor is not a number from 0 to 1.
    Factor,
    /// There are more than [`Schedule::MOST`] milestones.
    Many,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "it is one of {}", Schedule::NAMES.join(", ")),
            Self::Form => f.write_str(
                "constant, linear, cosine stand alone; others are `step: 30 epochs: 0.1` or \
                 `milestones: 32000, 48000: 0.1`",
            ),
            Self::Time => write!(f, "a time is {TimeError}"),
            Self::Factor => f.write_str("the factor is not a number from 0 to 1"),
            Self::Many => write!(f, "there are at most {} milestones", Schedule::MOST),
        }
    }
}

impl core::error::Error for ScheduleError {}

impl Schedule {
    /// The most milestones.
    pub const MOST: usize = 8;

    /// Every name that a schedule begins with.
    pub const NAMES: &[&str] = &["constant", "linear", "cosine", "step", "milestones"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Cosine => "cosine",
            Self::Step { .. } => "step",
            Self::Milestones { .. } => "milestones",
        }
    }

    /// The factor s at a step.
    pub fn factor(self, step: u64, extent: Extent) -> f32 {
        let Extent { warm_up, steps, per_epoch } = extent;
        if step < warm_up {
            return ((step + 1) as f64 / warm_up as f64) as f32;
        }
        let after = steps.saturating_sub(warm_up).max(1);
        let done = ((step - warm_up) as f64 / after as f64).min(1.0);
        let stairs = |factor: f32, passed: u64| libm::pow(f64::from(factor), passed as f64);
        (match self {
            Self::Constant => 1.0,
            Self::Linear => 1.0 - done,
            Self::Cosine => 0.5 + 0.5 * libm::cos(PI * done),
            Self::Step { every, factor } => stairs(factor, step / every.steps(per_epoch).max(1)),
            Self::Milestones { at, factor } => {
                let passed = at.iter().flatten().filter(|at| at.steps(per_epoch) <= step).count();
                stairs(factor, passed as u64)
            }
        }) as f32
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let mut words = text.split(':').map(str::trim);
        let name = words.next().unwrap_or_default();
        let plain = [Self::Constant, Self::Linear, Self::Cosine];
        let plain = plain.into_iter().find(|known| known.name() == name);
        match (plain, words.next(), words.next(), words.next()) {
            (Some(plain), None, ..) => Ok(plain),
            (None, Some(times), Some(factor), None) if Self::NAMES.contains(&name) => {
                let factor = factor.parse().ok().filter(|factor| (0.0..=1.0).contains(factor));
                let factor = factor.ok_or(ScheduleError::Factor)?;
                let mut times = times.split(',').map(|time| match time.parse() {
                    Ok(Time::Steps(0) | Time::Epochs(0.0)) | Err(TimeError) => {
                        Err(ScheduleError::Time)
                    }
                    Ok(time) => Ok(time),
                });
                if name == "step" {
                    return match (times.next(), times.next()) {
                        (Some(every), None) => Ok(Self::Step { every: every?, factor }),
                        _ => Err(ScheduleError::Form),
                    };
                }
                let mut at = [None; Self::MOST];
                for (i, time) in times.enumerate() {
                    *at.get_mut(i).ok_or(ScheduleError::Many)? = Some(time?);
                }
                Ok(Self::Milestones { at, factor })
            }
            (None, ..) if !Self::NAMES.contains(&name) => Err(ScheduleError::Name),
            _ => Err(ScheduleError::Form),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Constant | Self::Linear | Self::Cosine => Ok(()),
            Self::Step { every, factor } => write!(f, ": {every}: {factor}"),
            Self::Milestones { at, factor } => {
                for (i, time) in at.iter().flatten().enumerate() {
                    write!(f, "{} {time}", if i == 0 { ':' } else { ',' })?;
                }
                write!(f, ": {factor}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn extent(warm_up: u64, steps: u64) -> Extent {
        Extent { warm_up, steps, per_epoch: 10 }
    }

    #[test]
    fn rates_fall_from_one_to_nothing() {
        let four = |schedule: Schedule| [0, 1, 2, 3, 4].map(|t| schedule.factor(t, extent(0, 4)));
        assert_eq!(four(Schedule::Constant), [1.0; 5]);
        assert_eq!(four(Schedule::Linear), [1.0, 0.75, 0.5, 0.25, 0.0]);
        let cosine = four(Schedule::Cosine);
        assert_eq!((cosine[0], cosine[2], cosine[4]), (1.0, 0.5, 0.0));
    }

    #[test]
    fn a_warm_up_rises_to_the_peak_and_takes_its_steps_from_the_fall() {
        let rates = [0, 1, 2, 3, 4, 5].map(|t| Schedule::Linear.factor(t, extent(2, 6)));
        assert_eq!(rates, [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]);
        assert_eq!(Schedule::Linear.factor(9, extent(10, 5)), 1.0);
    }

    #[test]
    fn stairs_are_counted_from_the_beginning() {
        let read = |text: &str| text.parse::<Schedule>().unwrap();
        let at =
            |schedule: Schedule, steps: [u64; 5]| steps.map(|t| schedule.factor(t, extent(3, 90)));
        let step = read("step: 2 epochs: 0.5");
        assert_eq!(at(step, [0, 3, 19, 20, 60]), [1.0 / 3.0, 1.0, 1.0, 0.5, 0.125]);
        let stones = read("milestones: 30, 4.5 epochs: 0.25");
        assert_eq!(at(stones, [3, 29, 30, 44, 45]), [1.0, 1.0, 0.25, 0.25, 0.0625]);
        // a stair that is shorter than a step is a step
        assert_eq!(read("step: 0.01 epochs: 0.5").factor(5, extent(0, 9)), 0.03125);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "constant",
            "linear",
            "cosine",
            "step: 30 epochs: 0.1",
            "milestones: 5 steps, 2 epochs: 0",
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.to_string(), text);
            assert!(Schedule::NAMES.contains(&schedule.name()));
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        use ScheduleError::{Factor, Form, Many, Name, Time};
        for (text, error) in [
            ("", Name),
            ("exponential: 5: 0.1", Name),
            ("cosine: 5: 0.1", Form),
            ("step", Form),
            ("step: 5", Form),
            ("step: 5, 6: 0.1", Form),
            ("step: 0: 0.1", Time),
            ("step: 3 days: 0.1", Time),
            ("step: 3: 1.5", Factor),
            ("step: 3: NaN", Factor),
            ("milestones: 1,2,3,4,5,6,7,8,9: 0.5", Many),
        ] {
            assert_eq!(text.parse::<Schedule>(), Err(error), "{text}");
        }
    }
}
