//! Why a learner refuses.

use crate::engine::Error;
use crate::rule::LengthError;

/// Why a learner refuses, or went back to its start.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LearnError {
    /// The engine refused; nothing has changed.
    Engine(Error),
    /// The numbers had grown too large to learn from, so that learning has gone back to the start, where it
    /// goes on at the next call. Load what was kept last, if anything was, or call again with a lower rate.
    Setback(Error),
    /// The start has another number of weights than the network.
    Start {
        /// The weights of the network.
        need: usize,
        /// The numbers of the start.
        got: usize,
    },
    /// The start cannot be written.
    Fill(LengthError),
    /// The network has another number of outputs than the learner has classes.
    Classes {
        /// The outputs.
        need: usize,
        /// The classes.
        got: usize,
    },
    /// There is no such class.
    Label {
        /// The label that came.
        got: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// An example has another length than the network's input.
    Input {
        /// The numbers of the input.
        need: usize,
        /// The numbers that came.
        got: usize,
    },
    /// There is room for too few examples.
    Room {
        /// The fewest: 1, or 1 for each class where they are kept by class.
        need: usize,
        /// How many there is room for.
        got: usize,
    },
    /// A step cannot take so many examples.
    Batch {
        /// The most: the plan's batch, or without limit by a plan for steps in parts.
        most: usize,
        /// How many were asked for.
        got: usize,
    },
    /// An input or an output is not a finite number.
    NotFinite,
}

impl core::fmt::Display for LearnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Setback(error) => write!(
                f,
                "learning went back to its start: {error}. Load what was kept, or lower the rate"
            ),
            Self::Start { need, got } => {
                write!(f, "the network has {need} weights, the start {got}")
            }
            Self::Fill(error) => write!(f, "the start cannot be written by windows: {error}"),
            Self::Classes { need, got } => {
                write!(f, "the network has {need} outputs, the learner {got} classes")
            }
            Self::Label { got, classes } => {
                write!(f, "there is no class {got}: they are 0 to {classes} - 1")
            }
            Self::Input { need, got } => write!(f, "an input is {need} numbers, got {got}"),
            Self::Room { need, got } => {
                write!(f, "there must be room for {need} examples at least, and is for {got}")
            }
            Self::Batch { most, got } => write!(
                f,
                "a step takes 1 to {most} examples, not {got}: plan a larger batch, or steps in parts"
            ),
            Self::NotFinite => f.write_str("an input or an output is not a finite number"),
        }
    }
}

impl core::error::Error for LearnError {}

impl From<Error> for LearnError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<LengthError> for LearnError {
    fn from(error: LengthError) -> Self {
        Self::Fill(error)
    }
}
