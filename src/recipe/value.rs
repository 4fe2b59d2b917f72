//! What is said of a model or of a scheme.

use super::bytes::Reader;
use core::fmt;

/// What is said of a model or of a scheme, behind a `=`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A whole number.
    Count(u64),
    /// Whole numbers.
    Counts(Counts<'a>),
    /// A number.
    Real(f32),
    /// A word.
    Word(&'static str),
    /// Yes or no.
    Flag(bool),
    /// The sizes of a tensor or of an input.
    Sizes(Sizes<'a>),
}

/// Whole numbers, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Counts<'a> {
    pub(super) rest: Reader<'a>,
    pub(super) len: usize,
}

impl Iterator for Counts<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.len = self.len.checked_sub(1)?;
        self.rest.count()
    }
}

/// The sizes of a tensor as PyTorch has them, outputs first, or those of an input: height, width,
/// channels.
#[derive(Clone, Copy, Debug)]
pub struct Sizes<'a> {
    pub(super) sizes: Counts<'a>,
    /// Groups of a convolution; 1 elsewhere.
    pub groups: u64,
}

impl<'a> Sizes<'a> {
    /// The sizes.
    pub const fn iter(&self) -> Counts<'a> {
        self.sizes
    }
}

fn joined(f: &mut fmt::Formatter<'_>, counts: Counts<'_>, between: char) -> fmt::Result {
    for (i, count) in counts.enumerate() {
        if i > 0 {
            write!(f, "{between}")?;
        }
        write!(f, "{count}")?;
    }
    Ok(())
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Counts(counts) => joined(f, counts, ','),
            Self::Real(real) => match real.abs() {
                // the shortest decimals that read back to the same number
                0.0 | 1e-3..1e7 => write!(f, "{real}"),
                _ => write!(f, "{real:e}"),
            },
            Self::Word(word) => f.write_str(word),
            Self::Flag(flag) => f.write_str(if flag { "yes" } else { "no" }),
            Self::Sizes(sizes) => {
                joined(f, sizes.sizes, 'x')?;
                match sizes.groups {
                    1 => Ok(()),
                    groups => write!(f, "g{groups}"),
                }
            }
        }
    }
}
