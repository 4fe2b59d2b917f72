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
mod blame;
mod confusion;
mod examples;
mod loader;
mod order;
mod run;
mod schedule;
mod time;

pub use batches::{Batch, Batches, Maker, Position};
pub use blame::{Blame, blame};
pub use confusion::Confusion;
pub use examples::{Digits, Examples, Pictures, Varied};
pub use loader::Loader;
pub use order::Order;
pub use run::{Run, Standing, Taken};
pub use schedule::{Extent, Schedule, ScheduleError};
pub use time::{Time, TimeError};

use crate::data::DataError;
use crate::shape::Shape;

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
    /// Who watched it asked for its end.
    Asked,
}

impl<E: core::fmt::Display> core::fmt::Display for Stop<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Data(error) => error.fmt(f),
            Self::Engine(error) => error.fmt(f),
            Self::Asked => f.write_str("the run was asked to end"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Stop<E> {}

impl<E> From<DataError> for Stop<E> {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

#[cfg(test)]
mod tests;
