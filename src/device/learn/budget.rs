//! How long a device may learn before it has other things to do.

/// What one call of [`work`](super::Learner::work) may spend.
///
/// Only the number of steps changes what is learnt. A clock decides how many steps fit between two calls,
/// and so when, but not what they are: step 100 is the same step on any day.
#[derive(Clone, Copy, Debug)]
pub struct Budget<C = fn() -> u64> {
    pub(super) steps: u32,
    pub(super) time: Option<(C, u64)>,
}

impl Budget {
    /// So many steps.
    pub const fn steps(steps: u32) -> Self {
        Self { steps, time: None }
    }
}

impl<C: FnMut() -> u64> Budget<C> {
    /// Steps until so many microseconds are over by a clock that counts them; at least one. The last step
    /// is not cut off, so that a call takes up to a step longer.
    pub const fn micros(micros: u64, clock: C) -> Self {
        Self { steps: u32::MAX, time: Some((clock, micros)) }
    }

    /// At most so many steps, too.
    #[must_use]
    pub fn and_steps(self, steps: u32) -> Self {
        Self { steps: self.steps.min(steps), ..self }
    }
}
