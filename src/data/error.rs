//! What can be wrong with a data file, with the numbers that show it.

use std::{io, path::PathBuf, string::String};

/// Why a set could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataError {
    /// The file is not there, neither plain nor as `.gz`.
    Absent {
        /// The file looked for.
        file: PathBuf,
        /// The command that fetches it.
        fetch: String,
    },
    /// The system, or gzip, gave no bytes.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What was said.
        kind: io::ErrorKind,
    },
    /// The file ends too early.
    Truncated {
        /// The file.
        file: PathBuf,
        /// Bytes its header promises.
        need: u64,
        /// Bytes it has.
        got: u64,
    },
    /// The file goes on after its end.
    Trailing {
        /// The file.
        file: PathBuf,
        /// Bytes its header promises.
        need: u64,
        /// Bytes it has.
        got: u64,
    },
    /// The file is of another kind.
    Magic {
        /// The file.
        file: PathBuf,
        /// The number it begins with.
        got: u32,
        /// The number it should begin with.
        expected: u32,
    },
    /// A label is not one of 0..=9.
    Label {
        /// The file.
        file: PathBuf,
        /// Which label.
        index: usize,
        /// Its value.
        got: u8,
    },
    /// The two files of a part do not belong together.
    Count {
        /// How many images the one has.
        images: u32,
        /// How many labels the other has.
        labels: u32,
    },
}

impl core::fmt::Display for DataError {
    fn fmt(&self, f: &mut core::fmt::Formatter) -> core::fmt::Result {
        match self {
            Self::Absent { file, fetch } => {
                write!(f, "{} is absent; fetch it: {fetch}", file.display())
            }
            Self::Unreadable { file, kind } => write!(f, "{}: {kind}", file.display()),
            Self::Truncated { file, need, got } => {
                write!(f, "{} is cut off: {got} bytes of {need}", file.display())
            }
            Self::Trailing { file, need, got } => {
                write!(f, "{} goes on after its end: {got} bytes, not {need}", file.display())
            }
            Self::Magic { file, got, expected } => {
                write!(f, "{} begins with {got:#06x}, not {expected:#06x}", file.display())
            }
            Self::Label { file, index, got } => {
                write!(f, "{}: label {index} is {got}, not 0..=9", file.display())
            }
            Self::Count { images, labels } => write!(f, "{images} images but {labels} labels"),
        }
    }
}

impl core::error::Error for DataError {}
