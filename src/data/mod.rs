//! What networks learn from: digits small enough for flash, and image sets in files.

pub mod digits;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
pub mod idx;

#[cfg(feature = "std")]
pub use error::DataError;
