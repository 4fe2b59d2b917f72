//! Mean 0 and variance 1 for each axis, by what was seen so far.
//!
//! The update is that of Welford (1962) in the form that West (1979) gives it, with a step α that Finch
//! ("Incremental calculation of weighted mean and variance", 2009, §§4 and 9) keeps from falling to 0:
//!
//! ```text
//! n ← min(n + 1, memory),  α = 1 / n
//! δ = x − m,   m ← m + α δ,   v ← (1 − α) (v + α δ²)
//! ```
//!
//! As long as n grows these are the mean and the variance of all samples; from `memory` samples on they are
//! exponential averages that forget, as a sensor drifts, what is older than about `memory` samples. One
//! recurrence serves both, and no sum grows over the months that a device runs.

use crate::math;

/// The largest memory: numbers of f32 count to it one by one.
const MOST: u32 = 1 << 24;

/// The running mean and variance of each axis. It is a part of the model, and is kept with it:
/// [`numbers`](Self::numbers).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Standard<const AXES: usize> {
    /// n, m and v.
    rows: [[f32; AXES]; 3],
    memory: f32,
}

impl<const AXES: usize> Standard<AXES> {
    /// Nothing seen yet. From `memory` samples on (at least 1, at most 2²⁴) older ones are forgotten.
    pub const fn new(memory: u32) -> Self {
        let memory = match memory {
            0 => 1,
            1..=MOST => memory,
            _ => MOST,
        };
        Self { rows: [[0.0; AXES]; 3], memory: memory as f32 }
    }

    /// Fixed means and variances, which no sample moves: of a training set, say.
    pub const fn fixed(mean: [f32; AXES], variance: [f32; AXES]) -> Self {
        Self { rows: [[0.0; AXES], mean, variance], memory: 0.0 }
    }

    /// Takes a sample in.
    pub fn observe(&mut self, sample: &[f32; AXES]) {
        let Self { rows: [seen, mean, variance], memory } = self;
        if *memory == 0.0 {
            return;
        }
        for (((n, m), v), x) in seen.iter_mut().zip(mean).zip(variance).zip(sample) {
            let count = (*n + 1.0).min(*memory);
            let (share, difference) = (1.0 / count, x - *m);
            let moved = *m + share * difference;
            let spread = (1.0 - share) * (*v + share * difference * difference);
            // what would end all later ones is left out
            if moved.is_finite() && spread.is_finite() {
                (*n, *m, *v) = (count, moved, spread);
            }
        }
    }

    /// (x − m) / √v; 0 on an axis that has not moved yet, or so little that its variance is no normal number.
    pub fn apply(&self, sample: &mut [f32; AXES]) {
        let [_, mean, variance] = &self.rows;
        for ((x, m), v) in sample.iter_mut().zip(mean).zip(variance) {
            *x = if *v >= f32::MIN_POSITIVE { (*x - m) / math::sqrt(*v) } else { 0.0 };
        }
    }

    /// The mean of each axis.
    pub const fn mean(&self) -> [f32; AXES] {
        let [_, mean, _] = self.rows;
        mean
    }

    /// The variance of each axis.
    pub const fn variance(&self) -> [f32; AXES] {
        let [_, _, variance] = self.rows;
        variance
    }

    /// What there is to keep, 3 · `AXES` numbers: how many samples each axis has seen, its mean, its
    /// variance.
    pub const fn numbers(&self) -> &[f32] {
        self.rows.as_flattened()
    }

    /// The same, to be written by who kept them.
    pub const fn numbers_mut(&mut self) -> &mut [f32] {
        self.rows.as_flattened_mut()
    }
}
