//! Inference in whole numbers of 8 bits, as TensorFlow Lite defines it.
//!
//! A value is a list of i8 that share a step and a zero ([`Affine`]); weights are i8 with a step for each
//! output. Sums are exact in 32 bits, and come back to 8 by a multiplier of fixed point ([`Multiplier`]). The
//! outputs have the bits of TensorFlow Lite's reference kernels, on every processor (Jacob et al. 2018,
//! arXiv:1712.05877; TensorFlow Lite 8-bit quantization specification; the fixed-point functions of gemmlowp),
//! but that a mean over all pixels is an average pool of one window.
//!
//! A network is data: a [`Model`] lists its layers, a [`Plan`] is a constant that says where each value
//! lies, an [`Int8`] runs them in an arena of bytes that is lent to it, and [`Links`] says which kinds of
//! layers a binary has code for. The module `convert` (`std`) makes all that of a trained network,
//! as does `idinit quantize RUN --rust model.rs`:
//!
//! ```
//! use idinit::int8::{
//!     Affine, Channel, Int8, Layer, Linear, Links, Model, Op, Ops, Plan, Weights,
//! };
//! use idinit::shape::Shape;
//!
//! // y = max(0, W x + b) with W = [[0.5, −1], [1, 1]] · 127/128 and b = [0.25, 0]
//! static W: [i8; 4] = [64, -127, 127, 127];
//! // the step of a sum is 1/128 · 1/128; biases are in it, and outputs in steps of 1/64
//! static C: [Channel; 2] = [Channel::new(4096, 1 << 30, -7), Channel::new(0, 1 << 30, -7)];
//! const STEP: f32 = 1.0 / 128.0;
//! static LAYERS: [Layer<'static>; 1] = [Layer {
//!     op: Op::Dense(Linear { weights: Weights::Stored(&W), channels: &C, least: -128 }),
//!     from: 0,
//!     second: 0,
//!     input: Shape::vector(2),
//!     output: Shape::vector(2),
//!     values: Affine { scale: 1.0 / 64.0, zero: -128 },
//! }];
//! const MODEL: Model<'static> = Model {
//!     input: Shape::vector(2),
//!     values: Affine { scale: STEP, zero: 0 },
//!     layers: &LAYERS,
//! };
//! static PLAN: Plan<'static, 1> = Plan::new(MODEL);
//!
//! // the binary links a fully connected layer, and no other
//! enum Mine {}
//! impl Links for Mine {
//!     const OPS: Ops = MODEL.uses();
//! }
//!
//! let mut arena = [0; PLAN.arena];
//! let mut engine = Int8::<Mine>::new(PLAN.net(), &mut arena)?;
//! let mut y = [0.0; 2];
//! engine.infer(&[0.5, -0.25], &mut y)?;
//! assert_eq!(y, [0.75, 0.25]);
//! # Ok::<(), idinit::int8::Error>(())
//! ```
//!
//! # Weights that are nowhere
//!
//! Under IDInit, a layer that was never trained has one or two numbers of one size in each row. In 8 bits they
//! are ±127 without any error, so that [`Weights::Rule`] stands for them: no byte of flash, and one or two
//! products an output instead of a row of them, to the same bits.
//!
//! # A frozen front
//!
//! [`Int8::features`] gives any value of the network in f32: a [`Portable`](crate::engine::Portable) head
//! learns from it on the device, while the layers before it stay in flash.
//!
//! # Speed
//!
//! On processors with Arm's DSP extension (Cortex-M4, M7) two instructions multiply and add four numbers;
//! the build script finds the target by its name, since a stable compiler does not tell of the extension.

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
