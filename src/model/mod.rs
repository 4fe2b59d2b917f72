//! Networks by name: each is a `const fn` that continues a graph, so that the same function makes a
//! constant in firmware and a draft from a command line.
//!
//! What can be chosen about a network is a small struct whose constants and defaults are a paper's;
//! a function beside it says how many layers there will be, and so the room that a graph needs:
//!
//! ```
//! use idinit::{graph::Graph, model::{self, CifarResNet}, shape::Shape};
//! const NET: CifarResNet = CifarResNet::DEPTH_20;
//! const GRAPH: Graph<{ model::cifar_resnet_nodes(NET) }> =
//!     model::cifar_resnet(Graph::input(Shape::hwc(32, 32, 3)), NET);
//! assert_eq!(GRAPH.parameters(), 269_722);
//! ```
//!
//! Layers with weights have the name that a PyTorch implementation gives them, where there is one
//! that is well known. Where a name holds a `*`, it stands for the number of the block: as many
//! layers before have the same name ([`key`] puts it in).
//!
//! Each network is trained for cross-entropy; a call of [`Graph::cross_entropy`] behind it smooths
//! the labels.
//!
//! [`Graph::cross_entropy`]: crate::graph::Graph::cross_entropy

mod all_conv;
#[cfg(feature = "std")]
pub mod catalog;
mod cifar_resnet;
mod cnn;
mod gpt;
mod key;
mod mlp;
mod propagation;
mod residual;
mod resnet;
mod text_cnn;
mod text_rnn;
mod text_transformer;
mod transformer;
mod vit;

pub use all_conv::{AllConv, all_conv, all_conv_nodes};
pub use cifar_resnet::{
    Block, CifarResNet, Norm, Scalars, Widening, cifar_resnet, cifar_resnet_nodes,
};
pub use cnn::cnn;
pub use gpt::{Gpt, gpt, gpt_nodes};
pub use key::{Key, key};
pub use mlp::{Activation, LINEAR_5, mlp};
pub use propagation::{FC, fc, res_conv, res_conv_nodes, res_fc, res_fc_nodes};
pub use residual::{residual, residual_nodes};
pub use resnet::{ResNet, resnet, resnet_nodes};
pub use text_cnn::{TextCnn, text_cnn, text_cnn_nodes};
pub use text_rnn::{Cell, TextRnn, text_rnn, text_rnn_nodes};
pub use text_transformer::{TextTransformer, text_transformer, text_transformer_nodes};
pub use vit::{Vit, vit, vit_nodes};

use crate::graph::Graph;
use crate::layer::{Conv2d, Layer};

/// A convolution without a bias with a square kernel of odd size, padded so that a stride of 1
/// keeps height and width: what stands in front of a norm.
#[track_caller]
const fn bare_conv<const N: usize>(g: Graph<N>, out: u32, kernel: u32, stride: u32) -> Graph<N> {
    conv(g, out, kernel, stride, false)
}

/// [`bare_conv`], or the same with a bias.
#[track_caller]
const fn conv<const N: usize>(
    g: Graph<N>,
    out: u32,
    kernel: u32,
    stride: u32,
    bias: bool,
) -> Graph<N> {
    let conv = Conv2d { stride: [stride, stride], bias, ..Conv2d::same(out, kernel) };
    g.then(Layer::Conv2d(conv))
}

/// The channels of the latest value.
const fn channels<const N: usize>(g: &Graph<N>) -> u32 {
    match g.shape(g.here()) {
        Some(shape) => shape.channels,
        None => 0,
    }
}

/// A name of a block's layer in one of up to four stages, `layer1` … `layer4`.
macro_rules! in_stage {
    ($stage:expr, $name:literal) => {
        match $stage {
            0 => concat!("layer1.*.", $name),
            1 => concat!("layer2.*.", $name),
            2 => concat!("layer3.*.", $name),
            _ => concat!("layer4.*.", $name),
        }
    };
}
use in_stage;
