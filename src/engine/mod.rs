//! What runs a network: the unit of work is a whole step.

mod adapters;
#[cfg(feature = "cuda")]
mod cuda;
mod gathered;
#[cfg(feature = "std")]
mod host;
mod portable;
#[cfg(feature = "std")]
mod rectified;
mod unstored;

pub use adapters::merge_adapters;
#[cfg(feature = "cuda")]
pub use cuda::{Cuda, CudaError};
#[cfg(feature = "std")]
pub use host::{Host, scratch};
pub use portable::{Memory, Portable};
pub use unstored::{Unstored, layer_window, least_window};

use crate::loss::{Target, TargetError};
use crate::plan::Net;
use crate::rule::LengthError;
use crate::update::Update;

/// The largest learning rate that an engine takes.
pub const MOST_RATE: f32 = 1e3;

/// Something that infers and trains.
pub trait Engine {
    /// Why a step was refused.
    type Error;

    /// Writes the outputs `y`, `[batch, output]`, of the inputs `x`, `[batch, input]`.
    ///
    /// # Errors
    /// Where the batch does not fit; nothing is written then.
    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Self::Error>;

    /// Takes one step down the gradient of the loss of `x`, `[batch, input]`, at a learning rate, and
    /// returns the loss before the step.
    ///
    /// # Errors
    /// Where the batch or its target does not fit, and where the loss is not finite; no weight has
    /// moved then.
    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, Self::Error>;

    /// Asks for the step that [`train`](Self::train) takes, without waiting for it where the engine can
    /// go on without the host; returns its loss where that is known at once. Other losses are told by
    /// [`losses`](Self::losses), in order, and until then [`steps`](Self::steps) counts the step as
    /// taken. All else that an engine does waits for the step first.
    ///
    /// # Errors
    /// Those of [`train`](Self::train), but that a loss which is not known at once is refused later.
    fn submit(
        &mut self,
        x: &[f32],
        target: Target<'_>,
        rate: f32,
    ) -> Result<Option<f32>, Self::Error> {
        self.train(x, target, rate).map(Some)
    }

    /// Waits for all steps that were submitted, and tells `each` the losses of those that were taken and
    /// are not told yet, in order.
    ///
    /// # Errors
    /// Why the step behind these was refused; it is then as if [`train`](Self::train) had refused it, and
    /// as if those submitted behind it had never been.
    fn losses(&mut self, each: impl FnMut(f32)) -> Result<(), Self::Error> {
        let _ = each;
        Ok(())
    }

    /// Adds the gradient of a part of a batch to those of the parts before it, and returns the
    /// part's loss. No weight moves before [`step`](Self::step); only running statistics follow the
    /// parts. The plan needs room for the gradient: [`Mode::in_parts`](crate::plan::Mode::in_parts).
    ///
    /// # Errors
    /// Those of [`train`](Self::train), and where the plan has no room. All parts are forgotten then.
    fn accumulate(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, Self::Error>;

    /// Takes one step down the mean gradient of all parts since the last step: each counts by its
    /// examples, so that the step is that of one large batch, but for layers that look at the batch
    /// (batch norm).
    ///
    /// # Errors
    /// Where the rate cannot work, and where there are no parts or not those that were planned.
    fn step(&mut self, rate: f32) -> Result<(), Self::Error>;

    /// How many steps were taken since the start.
    fn steps(&self) -> u64;

    /// Copies the state of the update that outlives a step,
    /// [`Net::kept`](crate::plan::Net::kept) numbers.
    ///
    /// # Errors
    /// Where `state` has another length.
    fn state(&self, state: &mut [f32]) -> Result<(), Self::Error>;

    /// Goes on from where another engine stood: with its [`weights`](Self::weights),
    /// [`state`](Self::state) and [`steps`](Self::steps), training gives the bits that it would have
    /// given there. Parts of a step that were not taken are forgotten.
    ///
    /// # Errors
    /// Where a length does not fit; nothing has changed then.
    fn restore(&mut self, weights: &[f32], state: &[f32], steps: u64) -> Result<(), Self::Error>;

    /// Copies the weights of all layers, [`Net::weights`](crate::plan::Net::weights) numbers.
    ///
    /// # Errors
    /// Where `w` has another length.
    fn weights(&self, w: &mut [f32]) -> Result<(), Self::Error>;
}

/// A buffer that an engine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Buffer {
    /// The weights of all layers.
    Weights,
    /// The weights of [`Unstored`] that are there at a time.
    Window,
    /// The state of the update.
    State,
    /// What flows between layers.
    Arena,
    /// The inputs of a batch.
    Input,
    /// The outputs of a batch.
    Output,
    /// What the host's kernels work in.
    #[cfg(feature = "std")]
    Scratch,
}

/// Why an engine refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// A buffer has the wrong length; memory that is lent may be longer than it needs to be.
    Memory {
        /// Which one.
        buffer: Buffer,
        /// The numbers that it needs.
        need: usize,
        /// The numbers that it has.
        got: usize,
    },
    /// The inputs are not a whole number of examples, or none, or more than the plan's batch.
    Batch {
        /// The numbers that came.
        got: usize,
        /// The numbers of one example.
        example: usize,
        /// The most examples that the plan allows.
        most: usize,
    },
    /// A rule does not write the weights that were asked for: it can only write all of a weight at
    /// once, and the window is shorter, or it is for another network.
    Rule(LengthError),
    /// The target does not fit the batch.
    Target(TargetError),
    /// The network has a layer or a loss that this binary does not link: see
    /// [`Uses`](crate::layer::Uses).
    Uses,
    /// The system gives no threads.
    #[cfg(feature = "std")]
    Threads,
    /// The plan is for inference.
    Inference,
    /// The plan was made for another update.
    Update {
        /// Numbers of state that the plan has for each weight.
        planned: usize,
        /// Numbers of state that the update keeps for each weight.
        needed: usize,
    },
    /// The update's own settings cannot work: a momentum, β or ρ is from 0 to less than 1, an ε more
    /// than 0, a decay at least 0 (at most 1 in Adam, AdaDelta and Adagrad), a norm to clip at more
    /// than 0, a share of the rate from 0 to 10.
    Settings,
    /// The plan has no room for the whole gradient, which a step in parts needs: see
    /// [`Mode::in_parts`](crate::plan::Mode::in_parts).
    NoGradient,
    /// A step of no parts.
    NoParts,
    /// A step of fewer or more examples than the plan says
    /// ([`Mode::in_parts_of`](crate::plan::Mode::in_parts_of)).
    Parts {
        /// The examples of a step.
        need: usize,
        /// The examples that came.
        got: usize,
    },
    /// The learning rate is not a number from 0 to [`MOST_RATE`], or so large that weight
    /// decay would turn weights around: rate · decay is more than 1.
    Rate(f32),
    /// The loss is not finite. No weight has moved.
    Loss(f32),
    /// What flows through a layer is too large to compute with. That layer and those before it keep
    /// their weights; those behind it have taken the step (with clipping, only their running
    /// statistics have followed). All weights are finite.
    Diverged {
        /// The number of the layer.
        node: usize,
    },
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Memory { buffer, need, got } => {
                let buffer = match buffer {
                    Buffer::Weights => "the weights",
                    Buffer::Window => "the window of weights",
                    Buffer::State => "the state of the update",
                    Buffer::Arena => "the arena",
                    Buffer::Input => "the input",
                    Buffer::Output => "the output",
                    #[cfg(feature = "std")]
                    Buffer::Scratch => "the scratch of the kernels",
                };
                write!(f, "{buffer} needs {need} numbers, got {got}")
            }
            Self::Batch { got, example, most } => write!(
                f,
                "a batch is 1 to {most} examples of {example} numbers each, got {got} numbers"
            ),
            Self::Rule(error) => write!(
                f,
                "the rule is for another network, or writes a weight only as a whole and needs a \
                 longer window: {error}"
            ),
            Self::Target(error) => error.fmt(f),
            Self::Uses => f.write_str("the network has a layer or a loss that is not linked"),
            Self::Update { planned, needed } => write!(
                f,
                "the plan has {planned} numbers of state a weight, the update needs {needed}"
            ),
            #[cfg(feature = "std")]
            Self::Threads => f.write_str("the system gives no threads: ask for fewer"),
            Self::Inference => f.write_str("the plan is for inference: make one for training"),
            Self::Settings => f.write_str(
                "the update cannot work: a momentum, a β or a ρ is not within 0 … 1, an ε is not \
                 positive, or a decay or a share of the rate is out of range",
            ),
            Self::NoGradient => {
                f.write_str("the plan has no room for the gradient: make one for steps in parts")
            }
            Self::NoParts => f.write_str("a step needs the gradient of at least one part"),
            Self::Parts { need, got } => {
                write!(f, "a step in parts is of {need} examples, as planned, and {got} came")
            }
            Self::Rate(rate) => write!(
                f,
                "the learning rate {rate} is out of range, or too large for the weight decay"
            ),
            Self::Loss(loss) => write!(f, "the loss is {loss}; no weight has moved"),
            Self::Diverged { node } => {
                write!(f, "the numbers of layer {node} have grown too large to compute with")
            }
        }
    }
}

impl core::error::Error for Error {}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<LengthError> for Error {
    fn from(error: LengthError) -> Self {
        Self::Rule(error)
    }
}

/// How many examples `x` has.
fn examples(net: &Net<'_>, x: &[f32]) -> Result<usize, Error> {
    let (got, example, most) = (x.len(), net.input.size(), net.batch);
    let examples = got.checked_div(example).unwrap_or(0);
    match examples * example == got && 0 < examples && examples <= most {
        true => Ok(examples),
        false => Err(Error::Batch { got, example, most }),
    }
}

/// How many examples a batch has that can be trained on.
fn check(net: &Net<'_>, x: &[f32], target: Target<'_>) -> Result<usize, Error> {
    let examples = examples(net, x)?;
    let (rows, classes) = (net.rows(examples), net.output.channels as usize);
    net.loss.check(target, rows, classes)?;
    match net.trains {
        true => Ok(examples),
        false => Err(Error::Inference),
    }
}

/// Whether a step can be taken at this rate.
fn check_rate(update: &impl Update, rate: f32) -> Result<(), Error> {
    // decay must not grow a weight: 0 ≤ η λ ≤ 1
    let shrinks = (0.0..=1.0).contains(&(rate * update.decay()));
    match (0.0..=MOST_RATE).contains(&rate) && shrinks {
        true => Ok(()),
        false => Err(Error::Rate(rate)),
    }
}

/// Whether memory that is lent is long enough.
fn enough(buffer: Buffer, need: usize, got: usize) -> Result<(), Error> {
    match got < need {
        true => Err(Error::Memory { buffer, need, got }),
        false => Ok(()),
    }
}

/// Whether a buffer is as long as it must be.
fn long(buffer: Buffer, need: usize, got: usize) -> Result<(), Error> {
    match need == got {
        true => Ok(()),
        false => Err(Error::Memory { buffer, need, got }),
    }
}
