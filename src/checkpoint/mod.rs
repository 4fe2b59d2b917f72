//! What a run needs to go on after it was stopped, in one file that is there whole or not at all.
//!
//! All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `IDINITCK` |
//! | 4 | the version of the form, 1 |
//! | 8 | the fingerprint of the settings |
//! | 8 | the steps taken |
//! | 4, 4 | the epoch and the batch that come next, from 0 |
//! | 8 | the sum of the losses of the epoch so far, as f64 |
//! | 8, 8, 8 | how many bytes of notes, weights and numbers of state follow |
//! | … | the notes, the weights and the state, as f32 |
//! | 8 | CRC-64/XZ of all before |
//!
//! A file is written beside the old one, synced and renamed over it, so that a run that is killed at
//! any moment, or finds the disk full, leaves the last good one.

mod atomic;

pub use atomic::replace;

use crate::recipe::{Digest, Fingerprint};
use core::fmt;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    vec::Vec,
};

const MAGIC: [u8; 8] = *b"IDINITCK";
const VERSION: u32 = 1;
/// Bytes before the notes.
const HEAD: usize = 68;

/// A run between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// The fingerprint of the settings of the run, and of its start: whatever tells two runs apart.
    pub settings: u64,
    /// [`Engine::steps`](crate::engine::Engine::steps).
    pub steps: u64,
    /// The epoch that comes next, from 0.
    pub epoch: u32,
    /// The batch of it that comes next, from 0.
    pub batch: u32,
    /// The sum of the losses of the epoch so far.
    pub sum: f64,
    /// What the program that runs it wants to remember.
    pub notes: Vec<u8>,
    /// [`Engine::weights`](crate::engine::Engine::weights).
    pub weights: Vec<f32>,
    /// [`Engine::state`](crate::engine::Engine::state).
    pub state: Vec<f32>,
}

/// The checksum of bytes, CRC-64/XZ: what settings are compared by.
pub fn checksum(bytes: &[u8]) -> u64 {
    Fingerprint::of_bytes(bytes).0
}

/// Why a checkpoint cannot be had or kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system gives no file, or takes none.
    Io {
        /// The file.
        file: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The file is no checkpoint.
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// It was written in a form of another version.
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        got: u32,
    },
    /// It has another length than it says.
    Length {
        /// The file.
        file: PathBuf,
        /// The bytes that it should have.
        need: u64,
        /// The bytes that it has.
        got: u64,
    },
    /// Its checksum is not that of its bytes.
    Damaged {
        /// The file.
        file: PathBuf,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = match self {
            Self::Io { file, .. }
            | Self::Foreign { file }
            | Self::Version { file, .. }
            | Self::Length { file, .. }
            | Self::Damaged { file } => file.display(),
        };
        write!(f, "{file}: ")?;
        match self {
            Self::Io { error, .. } => error.fmt(f),
            Self::Foreign { .. } => f.write_str("this is no checkpoint"),
            Self::Version { got, .. } => {
                write!(f, "a checkpoint of version {got}; this program reads version {VERSION}")
            }
            Self::Length { need, got, .. } => {
                write!(f, "a checkpoint of {got} bytes that should have {need}")
            }
            Self::Damaged { .. } => f.write_str(
                "the checkpoint is damaged: its checksum is wrong; remove it to begin anew",
            ),
        }
    }
}

impl core::error::Error for CheckpointError {}

impl Checkpoint {
    /// Writes it to a file, in place of an older one.
    ///
    /// # Errors
    /// What the system says, such as that the disk is full; the older one is then as it was.
    pub fn write(&self, file: &Path) -> Result<(), CheckpointError> {
        let failed = |error| CheckpointError::Io { file: file.to_path_buf(), error };
        replace(file, |out| self.write_to(out)).map_err(failed)
    }

    /// Writes its bytes: those of a file.
    ///
    /// # Errors
    /// What the sink says.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut digest = Digest::new();
        let mut put = |bytes: &[u8]| {
            digest.update_bytes(bytes);
            out.write_all(bytes)
        };
        put(&MAGIC)?;
        put(&VERSION.to_le_bytes())?;
        put(&self.settings.to_le_bytes())?;
        put(&self.steps.to_le_bytes())?;
        put(&self.epoch.to_le_bytes())?;
        put(&self.batch.to_le_bytes())?;
        put(&self.sum.to_le_bytes())?;
        for len in [self.notes.len(), self.weights.len(), self.state.len()] {
            put(&(len as u64).to_le_bytes())?;
        }
        put(&self.notes)?;
        let mut block = Vec::with_capacity(4 * 4096);
        for numbers in self.weights.chunks(4096).chain(self.state.chunks(4096)) {
            block.clear();
            block.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            put(&block)?;
        }
        out.write_all(&digest.finish().0.to_le_bytes())
    }

    /// Reads one; none where there is no such file.
    ///
    /// # Errors
    /// What the system says, and where the file is no checkpoint, cut off or damaged.
    pub fn read(file: &Path) -> Result<Option<Self>, CheckpointError> {
        match fs::read(file) {
            Ok(bytes) => Self::from_bytes(&bytes, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CheckpointError::Io { file: file.to_path_buf(), error }),
        }
    }

    /// Reads one from the bytes of a file, which errors name.
    ///
    /// # Errors
    /// Where the bytes are no checkpoint, cut off or damaged.
    pub fn from_bytes(bytes: &[u8], file: &Path) -> Result<Self, CheckpointError> {
        let file = || file.to_path_buf();
        if !bytes.starts_with(&MAGIC) {
            return Err(CheckpointError::Foreign { file: file() });
        }
        let got = bytes.len() as u64;
        let short = |need: u64| CheckpointError::Length { file: file(), need, got };
        let mut rest = bytes.get(MAGIC.len()..).unwrap_or_default();
        let too_short = || short(HEAD as u64 + 8);
        let version = u32::from_le_bytes(next(&mut rest).ok_or_else(too_short)?);
        if version != VERSION {
            return Err(CheckpointError::Version { file: file(), got: version });
        }
        let mut word = || next(&mut rest).map(u64::from_le_bytes).ok_or_else(too_short);
        let (settings, steps, place, sum) = (word()?, word()?, word()?, word()?);
        let sizes = [word()?, word()?, word()?];
        let [notes, weights, state] = sizes;
        let numbers = weights.saturating_add(state).saturating_mul(4);
        let need = numbers.saturating_add(notes).saturating_add(HEAD as u64 + 8);
        if need != got {
            return Err(short(need));
        }
        let end = bytes.len() - 8;
        let mut last = bytes.get(end..).unwrap_or_default();
        let sum_of_all = next(&mut last).map(u64::from_le_bytes);
        if sum_of_all != Some(checksum(bytes.get(..end).unwrap_or_default())) {
            return Err(CheckpointError::Damaged { file: file() });
        }
        // all lengths fit, as their sum is that of a file in memory
        let (notes, rest) = rest.split_at_checked(notes as usize).ok_or_else(too_short)?;
        let (weights, rest) = rest.split_at_checked(4 * weights as usize).ok_or_else(too_short)?;
        let (state, _) = rest.split_at_checked(4 * state as usize).ok_or_else(too_short)?;
        let numbers = |bytes: &[u8]| {
            bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
        };
        Ok(Self {
            settings,
            steps,
            epoch: place as u32,
            batch: (place >> 32) as u32,
            sum: f64::from_bits(sum),
            notes: notes.to_vec(),
            weights: numbers(weights),
            state: numbers(state),
        })
    }
}

/// The next `N` bytes.
fn next<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests;
