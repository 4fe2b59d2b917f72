//! The loop of a device that fine-tunes: infer, take labels, learn when there is time.
//!
//! A [`Learner`] has an engine in memory that the caller lends, the [`Start`] that it learns from, and a
//! small reservoir of past examples. [`label`](Learner::label) tests the network on a labelled example and
//! offers it to the reservoir; [`work`](Learner::work) takes steps of training on the reservoir until a
//! budget is spent, and returns. Nothing in it waits, sleeps or allocates, so that it runs in a loop, in an
//! idle task of RTIC or between two awaits of embassy alike.
//!
//! What is learnt is a function of the seed, the labelled examples in their order and how many steps were
//! taken between them; no clock and no address is in it. With [`Mode::last`](crate::plan::Mode::last) in the
//! plan only the last layers learn, in less memory and time.

mod budget;
mod error;
mod metrics;
mod reservoir;
#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use error::LearnError;
pub use metrics::{Counters, Metrics, RECENT};
pub use reservoir::Examples;

use super::Start;
use crate::engine::{Engine, Error, Portable};
use crate::layer::Uses;
use crate::loss::Target;
use crate::math;
use crate::update::Update;
use reservoir::Reservoir;

/// How to learn.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settings {
    /// The learning rate.
    pub rate: f32,
    /// Examples of a step. More than the plan's batch go in parts, where the plan has
    /// [room](crate::plan::Mode::in_parts) for that.
    pub batch: usize,
    /// Whether each class has its own share of the reservoir.
    pub by_class: bool,
    /// The seed of the reservoir and of the order of training.
    pub seed: u64,
}

impl Default for Settings {
    /// A rate of 0.01, one example a step, each class with its share.
    fn default() -> Self {
        Self { rate: 0.01, batch: 1, by_class: true, seed: 0 }
    }
}

/// What a network says of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Guess {
    /// The class whose output is the largest; the first of them.
    pub class: u32,
    /// Its probability by softmax, from 1 / classes to 1.
    pub confidence: f32,
}

/// What came of a labelled example.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Labelled {
    /// What the network had said of it.
    pub guess: Guess,
    /// Whether that was right.
    pub right: bool,
    /// Whether it is kept to be learnt from.
    pub kept: bool,
}

/// A network that learns on the device, `CLASSES` classes by cross-entropy.
///
/// ```
/// use idinit::device::learn::{Budget, Examples, Learner, Settings};
/// use idinit::engine::{Memory, Portable};
/// use idinit::init::{IdInit, Initial};
/// use idinit::{graph::Graph, layer::All, plan::{Mode, Plan}, shape::Shape, update::Sgd};
///
/// const NET: Graph<3> = Graph::input(Shape::vector(2)).dense(4).relu().dense(2).cross_entropy(0.0);
/// static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Sgd>(), 1);
/// let (mut weights, mut arena) = ([0.0; PLAN.weights], [0.0; PLAN.arena]);
/// let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
/// let engine = Portable::<All, _>::new(PLAN.net(), Sgd::default(), memory)?;
///
/// let (mut inputs, mut labels) = ([0.0; 8 * 2], [0; 8]);
/// let examples = Examples { inputs: &mut inputs, labels: &mut labels };
/// let start: Initial<'_, _> = Initial::new(NET.nodes(), IdInit::PAPER);
/// let settings = Settings { rate: 0.1, ..Settings::default() };
/// let mut learner = Learner::<_, _, _, 2>::new(engine, start, examples, settings)?;
///
/// for i in 0..100 {
///     let side = i % 2;
///     let x = [side as f32 - 0.5, 1.0];
///     learner.label(&x, side)?;
///     learner.work(Budget::steps(2), |_| {})?;
/// }
/// assert_eq!(learner.infer(&[0.5, 1.0])?.class, 1);
/// assert_eq!(learner.metrics().counters.steps, 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Learner<'a, S, U, T, const CLASSES: usize> {
    engine: Portable<'a, S, U>,
    start: T,
    reservoir: Reservoir<'a, CLASSES>,
    settings: Settings,
    /// The example that the next step begins with, and how many passes were begun.
    next: usize,
    passes: u32,
    metrics: Metrics,
}

impl<'a, S: Uses, U: Update, T: Start, const CLASSES: usize> Learner<'a, S, U, T, CLASSES> {
    /// Begins at the start.
    ///
    /// # Errors
    /// Where network, start, classes, batch or the room for examples do not go together.
    pub fn new(
        engine: Portable<'a, S, U>,
        start: T,
        examples: Examples<'a>,
        settings: Settings,
    ) -> Result<Self, LearnError> {
        let net = engine.net();
        let (weights, outputs, input) = (net.weights, net.output.size(), net.input.size());
        if start.len() != weights {
            return Err(LearnError::Start { need: weights, got: start.len() });
        }
        if outputs != CLASSES {
            return Err(LearnError::Classes { need: outputs, got: CLASSES });
        }
        let most = match (net.gradient, net.step) {
            (false, _) => net.batch,
            (true, 0) => usize::MAX,
            (true, step) => step,
        };
        // a step in parts of a planned size has that size
        let parts = settings.batch > net.batch && net.step > 0;
        if !(1..=most).contains(&settings.batch) || parts && settings.batch != net.step {
            return Err(LearnError::Batch { most, got: settings.batch });
        }
        let numbers = weights + net.state + net.arena;
        let reservoir = Reservoir::new(examples, input, settings.by_class, settings.seed);
        let (need, got) = (if settings.by_class { CLASSES } else { 1 }, reservoir.capacity());
        if got < need {
            return Err(LearnError::Room { need, got });
        }
        let memory = size_of::<f32>() * numbers + reservoir.memory() + size_of::<Self>();
        let metrics = Metrics::new(u32::try_from(memory).unwrap_or(u32::MAX));
        let mut learner = Self { engine, start, reservoir, settings, next: 0, passes: 0, metrics };
        learner.begin()?;
        Ok(learner)
    }

    /// Forgets all that the weights have learnt. Examples and counters stay.
    ///
    /// # Errors
    /// [`LearnError::Fill`] where the start has a weight that it only writes whole.
    pub fn begin(&mut self) -> Result<(), LearnError> {
        self.start.fill_window(0, self.engine.all_weights_mut())?;
        self.engine.forget();
        Ok(())
    }

    /// What the network says of `x`, the network's input.
    ///
    /// # Errors
    /// Where `x` has another length or is not finite.
    pub fn infer(&mut self, x: &[f32]) -> Result<Guess, LearnError> {
        self.check(x)?;
        let mut y = [0.0; CLASSES];
        self.engine.infer(x, &mut y)?;
        let best = y.iter().enumerate().reduce(|a, b| if b.1 > a.1 { b } else { a });
        let Some((class, &most)) = best else { return Err(LearnError::NotFinite) };
        let sum: f32 = y.iter().map(|y| math::exp(y - most)).sum();
        // 1 ≤ Σ exp(y − max y) ≤ classes, unless an output is not a number
        match sum >= 1.0 {
            true => Ok(Guess { class: class as u32, confidence: 1.0 / sum }),
            false => Err(LearnError::NotFinite),
        }
    }

    fn check(&self, x: &[f32]) -> Result<(), LearnError> {
        let (need, got) = (self.engine.net().input.size(), x.len());
        if need != got {
            return Err(LearnError::Input { need, got });
        }
        match x.iter().all(|x| x.is_finite()) {
            true => Ok(()),
            false => Err(LearnError::NotFinite),
        }
    }

    /// Tests the network on a labelled example, and offers it to the reservoir.
    ///
    /// # Errors
    /// Where `x` has another length or is not finite, and where there is no such class.
    pub fn label(&mut self, x: &[f32], label: u32) -> Result<Labelled, LearnError> {
        if label as usize >= CLASSES {
            return Err(LearnError::Label { got: label, classes: CLASSES });
        }
        let guess = self.infer(x)?;
        let right = guess.class == label;
        self.metrics.tell(right);
        let kept = self.reservoir.offer(x, label).is_some();
        self.metrics.kept = self.reservoir.kept() as u32;
        Ok(Labelled { guess, right, kept })
    }

    /// Takes steps of training on the reservoir until a budget is spent, and returns how many. After each,
    /// `report` is told how it goes. Without examples there are no steps.
    ///
    /// # Errors
    /// [`LearnError::Setback`] where the numbers have grown too large to compute with: learning has gone
    /// back to the start, and can go on. Any other leaves all as it was.
    pub fn work<C: FnMut() -> u64>(
        &mut self,
        budget: Budget<C>,
        mut report: impl FnMut(&Metrics),
    ) -> Result<u32, LearnError> {
        let Budget { steps, mut time } = budget;
        let begun = time.as_mut().map_or(0, |(clock, _)| clock());
        let mut taken = 0;
        while taken < steps && self.reservoir.kept() > 0 {
            self.step()?;
            taken += 1;
            report(&self.metrics);
            if let Some((clock, micros)) = &mut time
                && clock().wrapping_sub(begun) >= *micros
            {
                break;
            }
        }
        Ok(taken)
    }

    /// One step on the next examples of the pass.
    fn step(&mut self) -> Result<(), LearnError> {
        if self.next >= self.reservoir.kept() {
            self.next = 0;
        }
        if self.next == 0 {
            self.reservoir.shuffle(self.passes);
            self.passes = self.passes.wrapping_add(1);
        }
        let (batch, whole) = (self.settings.batch, self.engine.net().step);
        // where a step has a planned size, it begins the next pass with what is left of this one, and what is
        // fewer than a step is seen more than once
        let stepped = match whole > 0 && batch > self.engine.net().batch {
            true => self.step_around(batch),
            false => {
                let (x, labels) = self.reservoir.batch(self.next, batch);
                self.next += labels.len();
                descend(&mut self.engine, x, labels, self.settings.rate)
                    .map(|loss| (loss, labels.len()))
            }
        };
        if stepped.is_err() {
            self.engine.drop_parts();
        }
        match stepped {
            Ok((loss, count)) => {
                self.metrics.loss = loss;
                self.metrics.batch = count as u32;
                self.metrics.counters.steps += 1;
                Ok(())
            }
            Err(error @ (Error::Loss(_) | Error::Diverged { .. })) => {
                self.metrics.setbacks = self.metrics.setbacks.saturating_add(1);
                self.begin()?;
                Err(LearnError::Setback(error))
            }
            Err(error) => Err(LearnError::Engine(error)),
        }
    }

    /// One step on exactly `batch` examples in parts, around the end of the reservoir.
    fn step_around(&mut self, batch: usize) -> Result<(f32, usize), Error> {
        let (mut left, mut sum) = (batch, 0.0);
        while left > 0 {
            if self.next >= self.reservoir.kept() {
                self.next = 0;
                self.reservoir.shuffle(self.passes);
                self.passes = self.passes.wrapping_add(1);
            }
            let part = left.min(self.engine.net().batch);
            let (x, labels) = self.reservoir.batch(self.next, part);
            let count = labels.len();
            sum += self.engine.accumulate(x, Target::Labels(labels))? * count as f32;
            self.next += count;
            left -= count.clamp(1, left);
        }
        self.engine.step(self.settings.rate)?;
        Ok((sum / batch as f32, batch))
    }

    /// Forgets all that was learnt, counters and examples' part in them included; examples stay.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub fn start_over(&mut self) -> Result<(), LearnError> {
        let (memory, kept) = (self.metrics.memory, self.metrics.kept);
        self.begin()?;
        self.metrics = Metrics { kept, ..Metrics::new(memory) };
        Ok(())
    }

    /// How it goes.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How to learn from now on; examples that are kept stay.
    pub const fn set_rate(&mut self, rate: f32) {
        self.settings.rate = rate;
    }

    /// The weights, as they stand.
    pub fn weights(&self) -> &[f32] {
        self.engine.all_weights()
    }

    /// What learning began with.
    pub const fn start(&self) -> &T {
        &self.start
    }

    /// The start, and the weights to be replaced by others, of a file or of a PC; then call
    /// [`resume`](Self::resume).
    pub fn replace(&mut self) -> (&T, &mut [f32]) {
        (&self.start, self.engine.all_weights_mut())
    }

    /// Goes on from weights that were replaced, with the counters that were kept with them. The state of
    /// the update begins at zero.
    pub fn resume(&mut self, counters: Counters) {
        self.engine.forget();
        self.metrics.counters = counters;
    }
}

/// One step on these examples, in parts where they are more than the plan's batch; returns their mean loss.
fn descend<S: Uses, U: Update>(
    engine: &mut Portable<'_, S, U>,
    x: &[f32],
    labels: &[u32],
    rate: f32,
) -> Result<f32, Error> {
    let (input, batch) = (engine.net().input.size(), engine.net().batch);
    if labels.len() <= batch {
        return engine.train(x, Target::Labels(labels), rate);
    }
    let mut sum = 0.0;
    for (x, labels) in x.chunks((batch * input).max(1)).zip(labels.chunks(batch.max(1))) {
        sum += engine.accumulate(x, Target::Labels(labels))? * labels.len() as f32;
    }
    engine.step(rate)?;
    Ok(sum / labels.len() as f32)
}
