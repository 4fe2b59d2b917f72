//! What stands before the numbers of a delta.

use super::super::{Digest, Fingerprint, Recipe, RecipeError};
use core::fmt;

/// `IDDELTA`, and the version of the form.
const MAGIC: [u8; 8] = *b"IDDELTA\x01";

/// What a delta keeps of the differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// All of them, to the bit.
    Exact,
    /// Each rounded to bf16.
    Bf16,
    /// Each rounded to a step; a row has up to 127 steps, up and down.
    Int8,
    /// The largest of them, to the bit.
    Sparse,
}

impl Kind {
    /// All kinds, each in the place of its number.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Bf16, Self::Int8, Self::Sparse];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
            Self::Sparse => "sparse",
        }
    }
}

/// What a delta says of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header<const N: usize = 64> {
    /// What it keeps.
    pub kind: Kind,
    /// What names the start; nothing, if it has no recipe.
    pub recipe: Option<Recipe<N>>,
    /// How many numbers there are.
    pub count: u64,
    /// The fingerprint of the start.
    pub start: Fingerprint,
    /// The fingerprint of what comes out.
    pub result: Fingerprint,
    /// The largest difference between what was trained and what comes out.
    pub largest_error: f32,
    /// The root of the mean square of these differences.
    pub mean_error: f32,
}

/// Why a delta cannot be read, applied or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DeltaError {
    /// The bytes are of something else, or of another version.
    Magic,
    /// There is no such kind.
    Kind {
        /// Its number.
        number: u8,
    },
    /// The recipe cannot be read.
    Recipe(RecipeError),
    /// The bytes end too early.
    Truncated,
    /// A checksum is another.
    Checksum,
    /// The numbers are not what a delta holds.
    Malformed,
    /// The delta is for another number of weights.
    Count {
        /// How many numbers it has.
        need: u64,
        /// How many weights there are.
        got: u64,
    },
    /// The delta is for another start.
    Start {
        /// The fingerprint of its start.
        need: u64,
        /// The fingerprint of the start that is there.
        got: u64,
    },
    /// What came out has another fingerprint than the header says.
    Result {
        /// What the header says.
        need: u64,
        /// What came out.
        got: u64,
    },
    /// A number is not finite, and the kind has no place for it.
    NotFinite,
    /// Start and trained numbers are not equally many.
    Lengths,
}

impl fmt::Display for DeltaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("this is no delta, or one of another version"),
            Self::Kind { number } => write!(f, "a delta has no kind {number}"),
            Self::Recipe(error) => error.fmt(f),
            Self::Truncated => f.write_str("the delta is cut off"),
            Self::Checksum => f.write_str("the delta is damaged: its checksum is another"),
            Self::Malformed => f.write_str("the delta is damaged: its numbers cannot be read"),
            Self::Count { need, got } => {
                write!(f, "the delta is for {need} numbers, and here are {got}")
            }
            Self::Start { need, got } => write!(
                f,
                "the delta is for the start {need:016x}, and this start is {got:016x}: nothing was \
                 changed"
            ),
            Self::Result { need, got } => write!(
                f,
                "the delta leads to {need:016x}, and what came out is {got:016x}: do not use it"
            ),
            Self::NotFinite => f.write_str(
                "a weight is not finite, or its difference is too large: only an exact delta can \
                 hold it",
            ),
            Self::Lengths => f.write_str("start and trained weights are not equally many"),
        }
    }
}

impl core::error::Error for DeltaError {}

impl From<RecipeError> for DeltaError {
    fn from(error: RecipeError) -> Self {
        Self::Recipe(error)
    }
}

/// Bytes that come one by one, with a checksum.
#[derive(Clone, Debug)]
pub(super) struct Source<I> {
    pub bytes: I,
    pub digest: Digest,
}

impl<I: Iterator<Item = u8>> Source<I> {
    pub fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.next()?;
        self.digest.update_bytes(&[byte]);
        Some(byte)
    }

    pub fn array<const K: usize>(&mut self) -> Result<[u8; K], DeltaError> {
        let mut all = [0; K];
        for place in &mut all {
            *place = self.byte().ok_or(DeltaError::Truncated)?;
        }
        Ok(all)
    }

    /// Reads a checksum of all that came before it.
    pub fn check(&mut self) -> Result<(), DeltaError> {
        let sum = self.digest.clone().finish();
        let read = u64::from_le_bytes(self.array()?);
        if sum.0 == read { Ok(()) } else { Err(DeltaError::Checksum) }
    }
}

impl<const N: usize> Header<N> {
    pub(super) fn read<I: Iterator<Item = u8>>(source: &mut Source<I>) -> Result<Self, DeltaError> {
        if source.array()? != MAGIC {
            return Err(DeltaError::Magic);
        }
        let [number] = source.array()?;
        let len = usize::from(u16::from_le_bytes(source.array()?));
        let mut recipe = [0; N];
        let recipe = recipe.get_mut(..len).ok_or(RecipeError::Long { room: N })?;
        for place in &mut *recipe {
            *place = source.byte().ok_or(DeltaError::Truncated)?;
        }
        let count = u64::from_le_bytes(source.array()?);
        let [start, result] = [source.array()?, source.array()?].map(u64::from_le_bytes);
        let [largest_error, mean_error] =
            [source.array()?, source.array()?].map(f32::from_le_bytes);
        source.check()?;
        let kind = *Kind::ALL.get(usize::from(number)).ok_or(DeltaError::Kind { number })?;
        let recipe = match recipe {
            [] => None,
            bytes => Some(Recipe::from_bytes(bytes)?),
        };
        let [start, result] = [start, result].map(Fingerprint);
        Ok(Self { kind, recipe, count, start, result, largest_error, mean_error })
    }

    pub(super) fn write<E>(&self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let recipe = self.recipe.as_ref().map_or(&[][..], Recipe::as_bytes);
        let mut digest = Digest::new();
        let mut put = |bytes: &[u8]| {
            digest.update_bytes(bytes);
            sink(bytes)
        };
        put(&MAGIC)?;
        put(&[self.kind as u8])?;
        put(&(recipe.len() as u16).to_le_bytes())?;
        put(recipe)?;
        put(&self.count.to_le_bytes())?;
        put(&self.start.0.to_le_bytes())?;
        put(&self.result.0.to_le_bytes())?;
        put(&self.largest_error.to_le_bytes())?;
        put(&self.mean_error.to_le_bytes())?;
        sink(&digest.finish().0.to_le_bytes())
    }
}
