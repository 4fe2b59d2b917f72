//! The last samples in a ring, and a window of them every so often.

use super::{Reading, Sampler, Sensor, Standard};
use embedded_hal::delay::DelayNs;

/// What became of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// Samples that came.
    pub taken: u32,
    /// Samples that the sensor did not give, or that were not finite.
    pub failed: u32,
    /// Samples that were read, and found no room on their way.
    pub lost: u32,
}

/// The last `W` samples of `AXES` numbers each.
///
/// ```
/// use idinit::device::sense::{Replay, Sampler, Standard, Windows};
///
/// let ramp: Vec<[f32; 1]> = (0..8).map(|i| [i as f32]).collect();
/// let mut sampler = Sampler::new(Replay::new(&ramp));
/// // windows of 4 samples, every 2
/// let mut windows = Windows::<1, 4>::new(2, Standard::fixed([0.0], [1.0]));
/// let mut seen = vec![];
/// while let Ok(reading) = sampler.read() {
///     seen.extend(windows.take(reading).map(|window| window[0][0]));
/// }
/// assert_eq!(seen, [0.0, 2.0, 4.0]);
/// ```
#[derive(Debug)]
pub struct Windows<const AXES: usize, const W: usize> {
    /// A ring whose oldest sample lies at `oldest`.
    samples: [[f32; AXES]; W],
    oldest: usize,
    hop: usize,
    /// Samples until the next window.
    due: usize,
    /// The number that the next reading should have, and how many have failed before it.
    next: u32,
    failed: u32,
    counts: Counts,
    /// How the axes are standardised.
    pub standard: Standard<AXES>,
}

impl<const AXES: usize, const W: usize> Windows<AXES, W> {
    /// A window every `hop` samples, at least 1.
    pub fn new(hop: usize, standard: Standard<AXES>) -> Self {
        Self {
            samples: [[0.0; AXES]; W],
            oldest: 0,
            hop: hop.max(1),
            due: W,
            next: 0,
            failed: 0,
            counts: Counts::default(),
            standard,
        }
    }

    /// Takes a reading, and returns the window that ends with it where one is due: `[time, axis]`, the
    /// oldest first, each axis by the [`Standard`] of all samples up to this one.
    pub fn take(&mut self, reading: Reading<AXES>) -> Option<[[f32; AXES]; W]> {
        let missing = reading.number.wrapping_sub(self.next);
        let failed = reading.failed.wrapping_sub(self.failed).min(missing);
        (self.next, self.failed) = (reading.number.wrapping_add(1), reading.failed);
        let counts = &mut self.counts;
        counts.failed = counts.failed.saturating_add(failed);
        counts.lost = counts.lost.saturating_add(missing - failed);
        if missing > 0 {
            self.begin_again();
        }
        if !reading.sample.iter().all(|x| x.is_finite()) {
            self.counts.failed = self.counts.failed.saturating_add(1);
            self.begin_again();
            return None;
        }
        self.counts.taken = self.counts.taken.saturating_add(1);
        self.standard.observe(&reading.sample);
        if let Some(place) = self.samples.get_mut(self.oldest) {
            *place = reading.sample;
        }
        self.oldest = if self.oldest + 1 < W { self.oldest + 1 } else { 0 };
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            return None;
        }
        self.due = self.hop;
        Some(self.window())
    }

    /// Behind a gap, the next window is one of samples that have not come yet.
    fn begin_again(&mut self) {
        self.due = W;
    }

    fn window(&self) -> [[f32; AXES]; W] {
        let mut window = [[0.0; AXES]; W];
        let (newer, older) = self.samples.split_at_checked(self.oldest).unwrap_or_default();
        for (place, sample) in window.iter_mut().zip(older.iter().chain(newer)) {
            *place = *sample;
            self.standard.apply(place);
        }
        window
    }

    /// Reads a sensor, and waits for `pause_us` microseconds before each time, until a window is due.
    ///
    /// # Errors
    /// Those of the sensor. The sample is missing then; who calls again goes on.
    pub fn fill<S: Sensor<AXES>>(
        &mut self,
        sampler: &mut Sampler<S, AXES>,
        delay: &mut impl DelayNs,
        pause_us: u32,
    ) -> Result<[[f32; AXES]; W], S::Error> {
        loop {
            delay.delay_us(pause_us);
            if let Some(window) = self.take(sampler.read()?) {
                return Ok(window);
            }
        }
    }

    /// What became of the samples, up to the last that came.
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}
