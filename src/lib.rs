//! Neural networks whose initial weights nobody has to ship.
//!
//! Identity initialisation (IDInit, Pan et al.) starts a network as the identity: padded identities
//! in its main path, differences of a millionth where residual branches end and at the head. Each
//! weight is then a function of its index, so that a microcontroller, a laptop and a server start
//! from the same bits without a file, and, with the [`Portable`](engine::Portable) engine, end with
//! the same bits after training.
//!
//! A model is data ([`graph`]), its memory plan is a constant of it ([`plan`]), a weight is a function
//! of its index ([`rule`]), and an engine runs a whole step ([`engine`]):
//!
//! ```
//! use idinit::engine::{Engine, Memory, Portable};
//! use idinit::graph::{Graph, Role};
//! use idinit::layer::{LayerSet, Uses};
//! use idinit::plan::{Mode, Plan};
//! use idinit::{data::digits, init::IdInit, loss::Target, shape::Shape, update::Momentum};
//!
//! // A residual network; what does not fit together does not compile.
//! const NET: Graph<10> = {
//!     let g = Graph::input(Shape::hwc(8, 8, 1)).conv2d(8, 3).relu();
//!     let skip = g.here();
//!     g.conv2d(8, 3).role(Role::Branch).relu()
//!         .conv2d(8, 3).role(Role::BranchEnd).add(skip).relu()
//!         .max_pool(2).dense(10).role(Role::Head).cross_entropy(0.0)
//! };
//! static PLAN: Plan<10> = Plan::new(&NET, Mode::train::<Momentum>(), 1);
//!
//! // The binary links the code of these layers and of no others.
//! enum Mine {}
//! impl Uses for Mine {
//!     const SET: LayerSet = NET.uses();
//! }
//!
//! // Memory is the caller's, and its size a constant.
//! let mut weights = [0.0; PLAN.weights];
//! let mut velocity = [0.0; PLAN.state];
//! let mut arena = [0.0; PLAN.arena];
//! let memory = Memory { weights: &mut weights, state: &mut velocity, arena: &mut arena };
//! let update = Momentum { momentum: 0.9, ..Momentum::default() };
//! let mut engine = Portable::<Mine, _>::new(PLAN.net(), update, memory)?;
//!
//! engine.start(&IdInit::PAPER);
//! let mut image = [0.0; 64];
//! for i in 0..100 {
//!     let label = digits::image(digits::train(i), &mut image).unwrap_or_default();
//!     let loss = engine.train(&image, Target::Labels(&[label]), 0.01)?;
//!     assert!(loss.is_finite());
//! }
//! # Ok::<(), idinit::engine::Error>(())
//! ```
//!
//! # Map
//!
//! | module | what |
//! |---|---|
//! | [`rule`] | a weight as a function of its index: IDI, IDIZ, their convolutions, ZerO, random families by counter |
//! | [`shape`] | height, width and channels; places in memory |
//! | [`math`] | exp, tanh, …: the same bits on every processor |
//! | [`loss`] | cross-entropy and squared error |
//! | [`update`] | how a weight moves: SGD, Adam and others; clipping, groups |
//! | [`layer`] | a folder for each layer: what it is, and what it computes |
//! | [`graph`] | a model as data |
//! | [`plan`] | where every number lies |
//! | [`init`] | which rule for which weight: IDInit and what it is compared with |
//! | [`engine`] | what infers and trains |
//! | `gpu` | NVIDIA GPUs: the driver, kernels, recorded steps (`cuda`) |
//! | [`recipe`] | what names a start in a few bytes, its fingerprint, and deltas from it |
//! | `exchange` | weights as PyTorch has them, in safetensors files (`safetensors`) |
//! | [`int8`] | inference in whole numbers of 8 bits, as TensorFlow Lite defines it |
//! | `device` | what a device that learns is made of: samples, labels, flash, a link to a PC (`device`) |
//! | [`model`] | networks by name |
//! | [`data`] | digits for flash; image sets, sentences and text from files (`std`) |
//! | `checkpoint` | what a stopped run goes on from (`std`) |
//! | `train` | runs over a data set, read ahead in batches (`std`) |
//! | `analysis` | how gradients and signals grow through a start, what it leaves dead or alike (`std`) |
//!
//! # Goals
//!
//! The same initial bits everywhere; no heap and no panic in a step on a microcontroller, and no unsafe code but
//! where an instruction needs it; training that repeats bit for bit.
//!
//! # What it is not
//!
//! There are no dynamic shapes, no general automatic differentiation, no import of arbitrary models
//! and no features for single layers.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// the GPU's driver is called in `gpu` alone, instructions of Arm's DSP extension in `int8::dsp`
#![cfg_attr(not(any(feature = "cuda", arm_dsp)), forbid(unsafe_code))]

#[cfg(all(feature = "std", not(test)))]
extern crate std;

/// The README's program is compiled along with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[cfg(feature = "std")]
pub mod analysis;
#[cfg(feature = "std")]
pub mod checkpoint;
pub mod data;
#[cfg(feature = "device")]
pub mod device;
pub mod engine;
#[cfg(feature = "safetensors")]
pub mod exchange;
#[cfg(feature = "cuda")]
#[allow(unsafe_code)]
pub mod gpu;
pub mod graph;
pub mod init;
pub mod int8;
pub mod layer;
pub mod loss;
pub mod math;
pub mod model;
pub mod plan;
pub mod recipe;
pub mod rule;
pub mod shape;
#[cfg(feature = "std")]
pub mod train;
pub mod update;
