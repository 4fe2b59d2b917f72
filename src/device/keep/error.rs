//! Why something is not kept, and why something that lies in flash is not used.

use super::store::LEAST;
use crate::recipe::DeltaError;
use crate::rule::LengthError;
use core::fmt;

/// Why something cannot be kept, or what was kept cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeepError<E> {
    /// The flash failed.
    Flash(E),
    /// The range is not one of whole pages within the flash, three at least.
    Range {
        /// Where it begins.
        start: u32,
        /// Where it ends.
        end: u32,
        /// Bytes of a page.
        page: usize,
        /// Bytes of the flash.
        capacity: usize,
    },
    /// A page has no room for two items.
    Page {
        /// Bytes that it needs, for items of this size.
        need: usize,
        /// Bytes that it has.
        got: usize,
    },
    /// The flash reads or writes words of no bytes, or of too many.
    Word {
        /// The most bytes of a word.
        most: usize,
        /// The bytes that it has.
        got: usize,
    },
    /// The size of an item, `B`, is no multiple of the flash's word, or less than 70.
    Item {
        /// Bytes of a word.
        word: usize,
        /// `B`.
        got: usize,
    },
    /// What was learnt takes more than the range has room for. What was kept before is still there.
    Full {
        /// Bytes of the delta.
        need: usize,
        /// Bytes that a delta may have. Twice as many pages have room for twice as many.
        room: usize,
    },
    /// There are too many numbers beside the weights for an item.
    Numbers {
        /// The most.
        most: usize,
        /// How many came.
        got: usize,
    },
    /// Weights and start are not equally many.
    Weights {
        /// The numbers of the start.
        need: usize,
        /// The weights that came.
        got: usize,
    },
    /// The start has a weight that it only writes whole.
    Start(LengthError),
    /// The delta cannot be made: a weight is not finite, and the kind has no place for it.
    Delta(DeltaError),
    /// The range takes nothing new beside what was kept before, which stands: its pages are worn, or items
    /// that could not be told from it fill them. A later save takes other words and may succeed; so may one
    /// behind [`erase`](super::Keep::erase), but if that fails, nothing is kept.
    Standing {
        /// The generation that stands.
        generation: u32,
    },
    /// The range could not be written even after it was erased, which it was because nothing in it could be
    /// loaded.
    Stuck,
}

/// Why something that lies in flash was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Ignored {
    /// It was learnt from another start: another network, or another rule.
    OtherStart {
        /// The fingerprint of that start.
        need: u64,
        /// The fingerprint of the start that is here.
        got: u64,
    },
    /// It has another recipe.
    OtherRecipe,
    /// It has another number of numbers beside the weights.
    OtherNumbers {
        /// How many it has.
        need: usize,
        /// How many are wanted.
        got: usize,
    },
    /// It is damaged, or is of another program.
    Damaged,
    /// Its delta is damaged.
    Delta(DeltaError),
}

impl<E: fmt::Debug> fmt::Display for KeepError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::Range { start, end, page, capacity } => write!(
                f,
                "{start:#x} to {end:#x} must be at least three whole pages of {page} bytes within \
                 {capacity} bytes of flash"
            ),
            Self::Page { need, got } => write!(
                f,
                "a page needs {need} bytes for two items, and has {got}: take smaller items"
            ),
            Self::Word { most, got } => write!(f, "a word is 1 to {most} bytes, not {got}"),
            Self::Item { word, got } => write!(
                f,
                "an item is a multiple of the word of {word} bytes, at least {LEAST}, not {got}"
            ),
            Self::Full { need, room } => write!(
                f,
                "what was learnt takes {need} bytes, and there is room for {room}: give more pages, \
                 or train fewer layers"
            ),
            Self::Numbers { most, got } => {
                write!(f, "an item has room for {most} numbers beside the weights, not {got}")
            }
            Self::Weights { need, got } => {
                write!(f, "the start has {need} numbers, and {got} weights came")
            }
            Self::Start(error) => write!(f, "the start cannot be written by windows: {error}"),
            Self::Delta(error) => error.fmt(f),
            Self::Standing { generation } => write!(
                f,
                "the flash is worn or full and takes no other save; generation {generation} still stands: \
                 save again, or take another range"
            ),
            Self::Stuck => f.write_str("the flash does not keep what is written, even when erased"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for KeepError<E> {}

impl<E> From<DeltaError> for KeepError<E> {
    fn from(error: DeltaError) -> Self {
        Self::Delta(error)
    }
}

impl<E> From<LengthError> for KeepError<E> {
    fn from(error: LengthError) -> Self {
        Self::Start(error)
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherStart { need, got } => write!(
                f,
                "what was kept was learnt from the start {need:016x}, and this one is {got:016x}"
            ),
            Self::OtherRecipe => f.write_str("what was kept has another recipe"),
            Self::OtherNumbers { need, got } => write!(
                f,
                "what was kept has {need} numbers beside the weights, and {got} are wanted"
            ),
            Self::Damaged => f.write_str("what lies in flash is damaged, or of another program"),
            Self::Delta(error) => error.fmt(f),
        }
    }
}
