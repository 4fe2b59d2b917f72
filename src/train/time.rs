//! A stretch of a run, in steps or in epochs.

use core::fmt;
use core::str::FromStr;

/// A stretch of a run: `500` and `500 steps` are steps, `3 epochs` and `0.5 epochs` epochs.
///
/// ```
/// use idinit::train::Time;
/// assert_eq!("3 epochs".parse(), Ok(Time::Epochs(3.0)));
/// assert_eq!(Time::Epochs(0.5).steps(45), 23);
/// assert_eq!("500".parse::<Time>().unwrap().steps(45), 500);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    /// Steps.
    Steps(u64),
    /// Epochs, whole or not, from 0 on.
    Epochs(f64),
}

impl Time {
    /// No time at all.
    pub const NONE: Self = Self::Steps(0);

    /// As steps, where an epoch has `per_epoch`; half a step is a step.
    pub fn steps(self, per_epoch: u64) -> u64 {
        match self {
            Self::Steps(steps) => steps,
            // what is more than an integer holds becomes its largest
            Self::Epochs(epochs) => libm::round(epochs * per_epoch as f64) as u64,
        }
    }
}

impl From<u64> for Time {
    fn from(steps: u64) -> Self {
        Self::Steps(steps)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(1) => f.write_str("1 step"),
            Self::Steps(steps) => write!(f, "{steps} steps"),
            Self::Epochs(1.0) => f.write_str("1 epoch"),
            Self::Epochs(epochs) => write!(f, "{epochs} epochs"),
        }
    }
}

/// A text that is no stretch of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither steps, such as `500`, nor epochs, such as `3 epochs`")
    }
}

impl core::error::Error for TimeError {}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        let (number, unit) = match text.find(char::is_alphabetic) {
            Some(at) => text.split_at(at),
            None => (text, "steps"),
        };
        let number = number.trim();
        match unit {
            "step" | "steps" => number.parse().map(Self::Steps).map_err(|_| TimeError),
            "epoch" | "epochs" => {
                let epochs: f64 = number.parse().map_err(|_| TimeError)?;
                let sound = (0.0..=f64::from(u32::MAX)).contains(&epochs);
                sound.then_some(Self::Epochs(epochs)).ok_or(TimeError)
            }
            _ => Err(TimeError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for time in [0, 1, 500].map(Time::Steps) {
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for time in [0.0, 0.25, 1.0, 90.0].map(Time::Epochs) {
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        assert_eq!(" 2epochs ".parse(), Ok(Time::Epochs(2.0)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "-1", "1.5", "3 days", "epochs", "-1 epochs", "NaN epochs", "inf epochs"] {
            assert_eq!(text.parse::<Time>(), Err(TimeError), "{text}");
        }
    }
}
