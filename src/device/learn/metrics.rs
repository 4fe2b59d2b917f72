//! What a device can say of its learning.

/// How many of the last labels [`Metrics::recent`] counts.
pub const RECENT: u32 = 64;

/// What outlives a loss of power beside the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Steps of training.
    pub steps: u64,
    /// Labelled examples that came.
    pub labels: u64,
    /// How many of them the network had told right before it could learn from them.
    pub right: u64,
}

/// How it goes.
///
/// Accuracy is prequential (Gama, Sebastião and Rodrigues, "On evaluating stream learning algorithms",
/// 2013): each labelled example is a test first, and only then an example to learn from. No test set is
/// needed, and nothing is tested that was learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metrics {
    /// Since the start, losses of power included.
    pub counters: Counters,
    /// The loss of the last step, before it; not a number before the first.
    pub loss: f32,
    /// Examples of the last step.
    pub batch: u32,
    /// Examples that are at hand to learn from.
    pub kept: u32,
    /// How often the engine gave up, and learning went back to the start.
    pub setbacks: u32,
    /// Bytes of memory that learning holds: weights, state, arena, examples and the learner itself.
    pub memory: u32,
    /// Right or wrong, for the last labels since the power came on; the newest in the lowest bit.
    pub(super) history: u64,
    pub(super) told: u32,
}

impl Metrics {
    pub(super) const fn new(memory: u32) -> Self {
        Self {
            counters: Counters { steps: 0, labels: 0, right: 0 },
            loss: f32::NAN,
            batch: 0,
            kept: 0,
            setbacks: 0,
            memory,
            history: 0,
            told: 0,
        }
    }

    pub(super) fn tell(&mut self, right: bool) {
        self.counters.labels += 1;
        self.counters.right += u64::from(right);
        self.history = self.history << 1 | u64::from(right);
        self.told = (self.told + 1).min(RECENT);
    }

    /// Of the last labels, at most [`RECENT`]: how many were told right, and how many there are.
    pub const fn recent(&self) -> (u32, u32) {
        (self.history.count_ones(), self.told)
    }
}
