//! Networks by name: each is a `const fn` that continues a graph, so that the same function makes a
//! constant in firmware and a draft from a command line.

pub mod catalog;
mod cnn;
mod mlp;
mod residual;

pub use cnn::cnn;
pub use mlp::{Activation, LINEAR_5, mlp};
pub use residual::{residual, residual_nodes};
