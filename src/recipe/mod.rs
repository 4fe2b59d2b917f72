//! What names a start in a few bytes, and proves that two starts are the same.

mod fingerprint;

pub use fingerprint::Fingerprint;
