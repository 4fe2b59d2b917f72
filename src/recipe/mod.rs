//! What names a start in a few bytes, and proves that two starts are the same.
//!
//! A [`Recipe`] names a start completely, as a line for people and as a few bytes for machines. A
//! [`Fingerprint`] proves that what two machines made of it is the same.

mod bytes;
mod delta;
mod error;
mod fingerprint;
#[cfg(feature = "std")]
pub mod list;
mod name;
mod scheme;
mod value;
pub mod words;
#[cfg(feature = "std")]
pub mod zoo;

pub use delta::{Delta, DeltaError, Encoder, Header, Kind, Patch, Survey};
pub use error::RecipeError;
pub use fingerprint::{Digest, Fingerprint};
pub use name::{Pairs, Recipe, VERSION};
pub use value::{Counts, Sizes, Value};
