//! A training run: every epoch takes all examples once, in an order of its own, then looks at those
//! held back.
//!
//! A run is a function of its settings: orders come from a counter, rates from the step, and nothing
//! from a clock. Another thread reads the examples of the steps ahead, in memory that they share.
//!
//! ```
//! use idinit::engine::{Memory, Portable};
//! use idinit::train::{Digits, Run, Schedule, Settings};
//! use idinit::{graph::Graph, init::IdInit, layer::All, model, update::Momentum};
//! use idinit::{plan::{Mode, Plan}, shape::Shape};
//!
//! const NET: Graph<3> =
//!     model::mlp(Graph::input(Shape::hwc(8, 8, 1)), &[32], model::Activation::Relu, 10);
//! static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Momentum>(), 32);
//! let mut memory = [vec![0.0; PLAN.weights], vec![0.0; PLAN.state], vec![0.0; PLAN.arena]];
//! let [weights, state, arena] = &mut memory;
//! let update = Momentum { momentum: 0.9, ..Momentum::default() };
//! let mut engine = Portable::<All, _>::new(PLAN.net(), update, Memory { weights, state, arena })?;
//! engine.start(&IdInit::PAPER);
//!
//! let settings = Settings { epochs: 3, rate: 0.02, schedule: Schedule::Linear, ..Settings::default() };
//! let mut run = Run::new(&PLAN.net(), settings, &Digits::Train, &Digits::Test)?;
//! while let Some(epoch) = run.epoch(&mut engine, |_| {})? {
//!     println!("{}: {:.1} %", epoch.number, 100.0 * epoch.test.accuracy());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod lsuv;

mod batches;
mod examples;
mod loader;
mod order;
mod schedule;
mod time;

pub use batches::{Batch, Batches, Maker, Position};
pub use examples::{Digits, Examples, Pictures, Varied};
pub use loader::Loader;
pub use order::Order;
pub use schedule::{Extent, Schedule, ScheduleError};
pub use time::{Time, TimeError};

use crate::data::{DataError, Mix};
use crate::engine::Engine;
use crate::loss::{Loss, Target};
use crate::plan::Net;
use crate::shape::Shape;
use std::{thread, vec, vec::Vec};

/// What a run is like, beside its network, its data and its update. The size of a batch is the
/// plan's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How often all examples are taken.
    pub epochs: u32,
    /// The largest learning rate.
    pub rate: f32,
    /// How the rate goes on from there.
    pub schedule: Schedule,
    /// How long the rate rises to its largest.
    pub warm_up: Time,
    /// What the order of the examples depends on.
    pub seed: u64,
}

impl Default for Settings {
    /// Ten epochs at the constant rate 0.01.
    fn default() -> Self {
        Self { epochs: 10, rate: 0.01, schedule: Schedule::Constant, warm_up: Time::NONE, seed: 0 }
    }
}

/// How well a network does on examples that it does not learn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The mean loss.
    pub loss: f32,
    /// How many labels are the largest of their outputs.
    pub correct: usize,
    /// How many labels there are: one for each example, or for each of its tokens.
    pub count: usize,
}

impl Score {
    /// The share of correct labels, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.count as f64
    }
}

/// What came of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// The number of the epoch, from 1.
    pub number: u32,
    /// The learning rate of its last step.
    pub rate: f32,
    /// The mean loss over the examples, each as it was when its turn came.
    pub train_loss: f32,
    /// How well the network does at its end.
    pub test: Score,
}

/// Why a run cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The examples are of another shape than the inputs of the network.
    Shape {
        /// The network's.
        need: Shape,
        /// The examples'.
        got: Shape,
    },
    /// There are no examples, or more than 32 bits can count.
    Count(usize),
    /// The network is not trained for labels, by cross-entropy.
    Loss,
    /// The outputs cannot be shared out among the labels of an example.
    Labels {
        /// Outputs for an example.
        outputs: usize,
        /// Labels of an example.
        labels: usize,
    },
}

impl core::fmt::Display for RunError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Shape { need, got } => {
                write!(f, "the network takes inputs of {need}, the examples are {got}")
            }
            Self::Count(count) => write!(f, "{count} examples are no set to work with"),
            Self::Labels { outputs, labels } => {
                write!(f, "{outputs} outputs cannot be shared out among {labels} labels")
            }
            Self::Loss => f.write_str("labels need a network that is trained for cross-entropy"),
        }
    }
}

impl core::error::Error for RunError {}

/// Why a run has ended early.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop<E> {
    /// An example could not be read.
    Data(DataError),
    /// The engine refused a step, such as one whose loss is not finite.
    Engine(E),
}

impl<E: core::fmt::Display> core::fmt::Display for Stop<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Data(error) => error.fmt(f),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Stop<E> {}

impl<E> From<DataError> for Stop<E> {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

/// A run, and where it stands.
pub struct Run<'a> {
    settings: Settings,
    loss: Loss,
    train: &'a dyn Examples,
    test: &'a dyn Examples,
    epochs_done: u32,
    /// Examples in a batch, and threads that read them.
    batch: usize,
    readers: usize,
    /// How examples that are learnt from are mixed.
    mix: Option<Mix>,
    /// Outputs of a batch.
    y: Vec<f32>,
}

impl<'a> Run<'a> {
    /// A run of a planned network.
    ///
    /// # Errors
    /// Where the examples do not fit the network.
    pub fn new(
        net: &Net<'_>,
        settings: Settings,
        train: &'a dyn Examples,
        test: &'a dyn Examples,
    ) -> Result<Self, RunError> {
        for examples in [train, test] {
            let (need, got) = (net.input(), examples.shape());
            if need != got {
                return Err(RunError::Shape { need, got });
            }
            let count = examples.count();
            if count == 0 || u32::try_from(count).is_err() {
                return Err(RunError::Count(count));
            }
        }
        if !matches!(net.loss, Loss::CrossEntropy { .. }) {
            return Err(RunError::Loss);
        }
        for examples in [train, test] {
            let (outputs, labels) = (net.output().len(), examples.labels());
            if labels == 0 || !outputs.is_multiple_of(labels) {
                return Err(RunError::Labels { outputs, labels });
            }
        }
        let batch = net.batch();
        Ok(Self {
            settings,
            loss: net.loss,
            train,
            test,
            epochs_done: 0,
            batch,
            readers: 1,
            mix: None,
            y: vec![0.0; batch * net.output().len()],
        })
    }

    /// How many threads read examples ahead; one, if nobody asks for more. By none, examples are read
    /// between the steps. It changes nothing but the time.
    pub fn readers(mut self, threads: usize) -> Self {
        self.readers = threads;
        self
    }

    /// Mixes each example that is learnt from with another of its batch, and their labels with them.
    pub fn mixed(mut self, mix: Option<Mix>) -> Self {
        self.mix = mix;
        self
    }

    /// The steps of an epoch. The last may have fewer examples than a batch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.count().div_ceil(self.batch) as u64
    }

    /// Runs the next epoch, and tells `watch` the loss of every step; `None` when there is none
    /// left.
    ///
    /// # Errors
    /// Those of the data, and the engine's, such as a loss that is not finite. The run ends with it.
    pub fn epoch<E: Engine>(
        &mut self,
        engine: &mut E,
        mut watch: impl FnMut(f32),
    ) -> Result<Option<Epoch>, Stop<E::Error>> {
        let Settings { epochs, rate: peak, schedule, warm_up, seed } = self.settings;
        if self.epochs_done >= epochs {
            return Ok(None);
        }
        let steps = self.steps_per_epoch();
        let epoch = self.epochs_done;
        let warm_up = warm_up.steps(steps);
        let extent = Extent { warm_up, steps: steps * u64::from(epochs), per_epoch: steps };
        // a run that fails has no epoch left
        self.epochs_done = epochs;
        let batches = Batches::shuffled(self.train, self.batch, seed).mixed(self.mix);
        let begin = Position { epoch, batch: 0 };
        let (rate, sum) = thread::scope(|scope| {
            let mut loader = Loader::new(scope, batches, begin, epoch + 1, self.readers);
            let (mut rate, mut sum, mut step) = (0.0, 0.0, steps * u64::from(epoch));
            while let Some(batch) = loader.next_batch() {
                let batch = batch?;
                rate = peak * schedule.factor(step, extent);
                let loss = engine.train(&batch.x, batch.target(), rate).map_err(Stop::Engine)?;
                sum += f64::from(loss) * batch.count as f64;
                watch(loss);
                step += 1;
            }
            Ok::<_, Stop<E::Error>>((rate, sum))
        })?;
        let test = self.score(engine)?;
        self.epochs_done = epoch + 1;
        let train_loss = (sum / self.train.count() as f64) as f32;
        Ok(Some(Epoch { number: epoch + 1, rate, train_loss, test }))
    }

    /// How well the network does on the examples held back.
    ///
    /// # Errors
    /// Those of the data, and the engine's.
    pub fn score<E: Engine>(&mut self, engine: &mut E) -> Result<Score, Stop<E::Error>> {
        // an example has as many rows of outputs as labels
        let labels = self.test.labels();
        let outputs = self.y.len() / (self.batch * labels);
        let (mut correct, mut sum) = (0, 0.0);
        let batches = Batches::plain(self.test, self.batch);
        thread::scope(|scope| {
            let mut loader = Loader::new(scope, batches, Position::default(), 1, self.readers);
            while let Some(batch) = loader.next_batch() {
                let batch = batch?;
                let rows = batch.labels.len();
                let y = self.y.get_mut(..rows * outputs).unwrap_or_default();
                engine.infer(&batch.x, y).map_err(Stop::Engine)?;
                let pairs = y.chunks(outputs).zip(&batch.labels);
                correct += pairs.filter(|(y, label)| largest(y) == Some(**label)).count();
                let target = Target::Labels(&batch.labels);
                let loss = match self.loss.check(target, rows, outputs) {
                    Ok(()) => self.loss.descend::<true, false>(y, target, outputs),
                    Err(_) => f32::NAN,
                };
                sum += f64::from(loss) * rows as f64;
            }
            Ok::<_, Stop<E::Error>>(())
        })?;
        let count = self.test.count() * labels;
        Ok(Score { loss: (sum / count as f64) as f32, correct, count })
    }
}

/// The place of the largest number, the first of equals; none among NaN.
fn largest(y: &[f32]) -> Option<u32> {
    let mut best = (None, f32::NEG_INFINITY);
    for (place, &y) in (0..).zip(y) {
        if y > best.1 {
            best = (Some(place), y);
        }
    }
    best.0
}

#[cfg(test)]
mod tests;
