//! What the paper says of a start, measured: how gradients and signals grow through it, which numbers
//! it leaves without a gradient, which units it leaves alike.
//!
//! | what | paper |
//! |---|---|
//! | [`chi`](fn@chi) | C.4, Fig. 12: the variance of the gradient back through a stage |
//! | [`deviations`] | C.2, Fig. 10: the deviation of the signal behind each layer |
//! | [`unreached`] | Fig. 4: the share of a layer's weights whose gradients are all exactly zero |
//! | [`twins`] | later versions: pairs of units that are bit for bit alike |
//! | [`toy`] | §3.1, Fig. 2: gradient descent on (r + w₂ w₁)ᴸ |
//!
//! `tests/claims.rs` asserts what they find, and `examples/claims.md` tells what took longer.

mod chi;
mod deviation;
pub mod toy;
mod twins;
mod unreached;

pub use chi::{Chi, chi, stage_nodes};
pub use deviation::deviations;
pub use twins::twins;
pub use unreached::unreached;
