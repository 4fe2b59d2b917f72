//! What training changed: the difference of weights from their start, which is all that has to be
//! shipped or kept.
//!
//! A delta names its start by recipe and by fingerprint, so that one for another start is refused
//! before anything is written, and it has the fingerprint of what comes out. It is written and read in
//! one pass, with memory of a fixed size and none from an allocator.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `IDDELTA` and the version of the form, 1 |
//! | 1 | the kind |
//! | 2 | the length of the recipe; 0, where the start has none |
//! | … | the compact form of the recipe |
//! | 8 | how many numbers there are |
//! | 8, 8 | the fingerprints of the start and of the result |
//! | 4, 4 | the largest difference between what was trained and the result, and the root of the mean square of all |
//! | 8 | CRC-64/XZ of all before |
//! | … | the numbers, by an adaptive range coder |
//! | 8 | CRC-64/XZ of all before |
//!
//! All is little-endian. Nothing is lost by [`Kind::Exact`]; [`Kind::Bf16`] rounds differences to 8
//! significant bits, [`Kind::Int8`] to 127 steps of a row's own size. With
//! [`Kind::Sparse`] only the largest differences are kept, and these without loss.

mod coder;
mod header;
mod numbers;
mod read;
mod write;

pub use header::{DeltaError, Header, Kind};
pub use read::{Delta, Patch};
pub use write::{Encoder, Survey};

#[cfg(test)]
mod tests;
