//! From a trained network to a quantised one, on a PC.
//!
//! [`Ranges`] sees data and notes between which numbers each value of the network lies; [`Quantized::of`]
//! then folds norms into the layers before them, makes rectifiers the ends of these, and rounds the weights.
//! Steps and zeros are chosen as TensorFlow Lite's converter chooses them: weights from −127 to 127 by their
//! largest in each channel, values by their least and largest, 0 among them.

mod fuse;
mod quantized;
mod ranges;
mod rust;

pub use quantized::{Lent, Options, Quantized, interleaved, rules};
pub use ranges::{Ranges, forward, go_on};

use super::ModelError;
use crate::layer::Kind;

/// Why a network cannot be quantised.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConvertError {
    /// A kind of layer that has no whole numbers here.
    Layer {
        /// The number of the layer.
        node: usize,
        /// Its kind.
        kind: Kind,
    },
    /// A batch norm with no dense layer or convolution of its own before it.
    Norm {
        /// The number of the layer.
        node: usize,
    },
    /// A sum of values that lie in no steps of their own, or a layer that takes a value from within others
    /// that became one.
    Within {
        /// The number of the layer.
        node: usize,
    },
    /// A size of a layer's window is too large.
    Window {
        /// The number of the layer.
        node: usize,
    },
    /// The weights are not as many as the network has.
    Weights {
        /// The numbers that it has.
        need: usize,
        /// The numbers that came.
        got: usize,
    },
    /// A weight, or what some layer computes, is not finite.
    NotFinite {
        /// The number of the layer; none for the input.
        node: Option<usize>,
    },
    /// No example was seen.
    NoData,
    /// An example has another length, or the ranges are of another network.
    Length {
        /// The numbers that it needs.
        need: usize,
        /// The numbers that came.
        got: usize,
    },
    /// The model that came out cannot be run.
    Model(ModelError),
}

impl core::fmt::Display for ConvertError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Layer { node, kind } => write!(
                f,
                "layer {node} is {kind:?}, which has no 8-bit form: there are dense layers, \
                 convolutions, batch norms behind them, rectifiers, pools and sums; run the layers from \
                 it on in f32 on what the layers before it put out"
            ),
            Self::Norm { node } => write!(
                f,
                "layer {node} is a batch norm that no dense layer or convolution stands before, or \
                 whose input others take too: it cannot become part of one"
            ),
            Self::Within { node } => {
                write!(f, "layer {node} takes a value that is gone, because its layers became one")
            }
            Self::Window { node } => write!(f, "the window of layer {node} is over 65,535 pixels"),
            Self::Weights { need, got } => write!(f, "the network has {need} weights, not {got}"),
            Self::NotFinite { node: Some(node) } => {
                write!(f, "a weight or an output of layer {node} is not finite: train it again")
            }
            Self::NotFinite { node: None } => f.write_str("an input is not finite"),
            Self::NoData => f.write_str("no example was seen: show some to the ranges first"),
            Self::Length { need, got } => write!(f, "{need} numbers are needed, got {got}"),
            Self::Model(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConvertError {}

#[cfg(test)]
mod tests;
