//! Why a line or bytes are no recipe.

use core::fmt;

/// Why a line or bytes are no recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecipeError {
    /// A word of the line is wrong, or missing.
    Word {
        /// The number of the word, from 0.
        number: usize,
        /// What should stand there.
        wants: &'static str,
    },
    /// The scheme does not have what is said of it.
    Parameters,
    /// No words name this scheme.
    Nameless,
    /// The compact form has more bytes than there is room for.
    Long {
        /// Bytes of room.
        room: usize,
    },
    /// The compact form ends too early.
    Truncated,
    /// The compact form is of another version.
    Version {
        /// The version.
        version: u8,
    },
    /// The checksum of the compact form is another.
    Checksum,
    /// The compact form has a sound checksum, and says nothing.
    Malformed,
    /// The model has not what is said of it, or cannot be so.
    Model,
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word { number, wants } => write!(f, "word {} should be {wants}", number + 1),
            Self::Parameters => f.write_str("the scheme does not have what is said of it"),
            Self::Nameless => f.write_str("no words of a recipe name this scheme"),
            Self::Long { room } => write!(f, "the recipe needs more than {room} bytes"),
            Self::Truncated => f.write_str("the recipe is cut off"),
            Self::Version { version } => {
                write!(f, "the recipe is of version {version}, and this program reads version 1")
            }
            Self::Checksum => f.write_str("the recipe is damaged: its checksum is another"),
            Self::Malformed => f.write_str("the bytes are no recipe"),
            Self::Model => f.write_str("the model cannot be what is said of it"),
        }
    }
}

impl core::error::Error for RecipeError {}
