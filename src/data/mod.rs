//! What networks learn from: digits small enough for flash, and sets in files.
//!
//! | module | what |
//! |---|---|
//! | [`digits`] | 8×8 digits, part of the library |
//! | `idx` | MNIST and Fashion-MNIST |
//! | `cifar10` | CIFAR-10, as binary files or as pictures |
//! | `folder` | pictures in class folders, as ImageNet is laid out |
//! | `sst`, `vocabulary`, `glove` | sentences, their words as tokens, vectors for words |
//! | `text` | plain text for language models |
//! | `augment`, `chance` | crop, flip, mixup, cutmix: functions of (seed, epoch, index) |
//!
//! Whatever is wrong with a file is one error that names the file and the command that fetches it.

#[cfg(feature = "std")]
pub mod augment;
#[cfg(feature = "std")]
mod chance;
#[cfg(feature = "std")]
pub mod cifar10;
pub mod digits;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
pub mod folder;
#[cfg(feature = "std")]
pub mod glove;
#[cfg(feature = "std")]
pub mod idx;
#[cfg(feature = "std")]
mod images;
#[cfg(feature = "std")]
mod picture;
#[cfg(feature = "std")]
mod place;
#[cfg(all(test, feature = "std"))]
mod scratch;
#[cfg(feature = "std")]
pub mod sst;
#[cfg(feature = "std")]
pub mod text;
#[cfg(feature = "std")]
pub mod vocabulary;

#[cfg(feature = "std")]
pub use augment::{Mix, Vary};
#[cfg(feature = "std")]
pub use chance::Chance;
#[cfg(feature = "std")]
pub use error::{DataError, Fault};
#[cfg(feature = "std")]
pub use images::{Images, Normal};
#[cfg(feature = "std")]
pub use text::Windows;
#[cfg(feature = "std")]
pub use vocabulary::{Lines, Sentence, Vocabulary};
