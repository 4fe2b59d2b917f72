//! What names a start in a few bytes, and proves that two starts are the same.
//!
//! A [`Recipe`] names a start completely, as a line for people and as a few bytes for machines: the version
//! of the rules, the model with what is not so by default, the scheme with what is not so by default.
//!
//! ```text
//! idinit/1 resnet depth=56 norm=none idinit order=channel eps=1e-2
//! idinit/1 mlp hidden=64,64 kaiming seed=7
//! idinit/1 tensors relu=yes main=64x3x7x7 one=64 zero=64 … head=1000x2048 idinit
//! ```
//!
//! The words are those of [`words`]; what they name in version 1 stays the same bits for ever. With `std`,
//! [`zoo`] makes the network of a recipe, and [`list`] the start of a model that this crate does not have.
//! On a device the network is a constant of the program, and [`Initial`](crate::init::Initial) writes any
//! window of its start.
//!
//! A [`Fingerprint`] proves that what two machines made of a recipe is the same, and a [`Delta`] is what
//! training changed: it holds the recipe and the fingerprints of its start and of its result.

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
