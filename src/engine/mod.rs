//! What runs a network: the unit of work is a whole step.

#[cfg(feature = "std")]
mod host;
mod portable;

#[cfg(feature = "std")]
pub use host::{Host, scratch};
pub use portable::{Memory, Portable};

use crate::loss::{Target, TargetError};

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
    /// The update's own settings cannot work: a momentum is from 0 to less than 1, a decay at least
    /// 0, a norm to clip at more than 0.
    Settings,
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
            Self::Target(error) => error.fmt(f),
            Self::Uses => f.write_str("the network has a layer or a loss that is not linked"),
            Self::Update { planned, needed } => write!(
                f,
                "the plan has {planned} numbers of state a weight, the update needs {needed}"
            ),
            #[cfg(feature = "std")]
            Self::Threads => f.write_str("the system gives no threads: ask for fewer"),
            Self::Inference => f.write_str("the plan is for inference: make one for training"),
            Self::Settings => {
                f.write_str("the momentum is not within 0 … 1, or a decay is negative")
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
