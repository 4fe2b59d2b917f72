//! Inference in whole numbers of 8 bits, as TensorFlow Lite defines it.

#[cfg(feature = "std")]
pub mod convert;
#[cfg(arm_dsp)]
#[allow(unsafe_code)]
mod dsp;
mod engine;
mod fixed;
mod kernel;
mod links;
mod model;
mod plan;

pub use engine::{Error, Int8};
pub use fixed::Multiplier;
pub use links::{Every, Links, Ops};
pub use model::{
    Affine, Channel, Layer, Linear, Model, ModelError, Op, Softmax, Sum, Weights, Window,
};
pub use plan::{Net, Plan};
