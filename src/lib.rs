//! A start that nobody has to ship.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(all(feature = "std", not(test)))]
extern crate std;

pub mod data;
pub mod engine;
pub mod graph;
pub mod init;
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
