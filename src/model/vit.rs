//! Vision transformers (Dosovitskiy et al. 2021, §3.1): a picture cut into patches that are read as
//! tokens.

use super::transformer::{Blocks, blocks, blocks_nodes, dropped};
use crate::graph::{Graph, Role};
use crate::layer::{Conv2d, Layer, LayerNorm};

/// What can be chosen about [`vit`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Vit {
    /// Rows and columns of a patch.
    pub patch: u32,
    /// Blocks.
    pub layers: usize,
    /// d, the channels of a token.
    pub width: u32,
    /// Heads of the attention.
    pub heads: u32,
    /// Channels within the second branch of a block.
    pub inner: u32,
    /// The probability of a number's being dropped behind each branch and behind the positions.
    pub dropout: f32,
    /// Outputs.
    pub classes: u32,
}

impl Vit {
    /// ViT-B/32 on pictures of 224 × 224: 88,224,232 parameters (torchvision's `vit_b_32`).
    pub const B_32: Self = Self {
        patch: 32,
        layers: 12,
        width: 768,
        heads: 12,
        inner: 3072,
        dropout: 0.0,
        classes: 1000,
    };
    /// A small one for pictures of 32 × 32.
    pub const CIFAR: Self =
        Self { patch: 4, layers: 6, width: 128, heads: 4, inner: 512, dropout: 0.0, classes: 10 };
}

impl Default for Vit {
    fn default() -> Self {
        Self::CIFAR
    }
}

/// How many layers [`vit`] has.
pub const fn vit_nodes(net: Vit) -> usize {
    let dropout = (net.dropout > 0.0) as usize;
    blocks_nodes(net.layers, net.dropout).saturating_add(6 + dropout)
}

/// A convolution whose kernel and stride are a patch, a class token before all others, positions,
/// blocks, a norm, and a classifier that reads the class token: [`vit_nodes`] layers.
#[track_caller]
pub const fn vit<const N: usize>(g: Graph<N>, net: Vit) -> Graph<N> {
    const NAMES: [&str; 6] = [
        "encoder.layers.encoder_layer_*.ln_1",
        "encoder.layers.encoder_layer_*.self_attention.in_proj",
        "encoder.layers.encoder_layer_*.self_attention.out_proj",
        "encoder.layers.encoder_layer_*.ln_2",
        "encoder.layers.encoder_layer_*.mlp.0",
        "encoder.layers.encoder_layer_*.mlp.3",
    ];
    const EPS: f32 = 1e-6;
    let patch = [net.patch, net.patch];
    let patches = Conv2d {
        out: net.width,
        kernel: patch,
        stride: patch,
        padding: [0, 0],
        groups: 1,
        bias: true,
    };
    let g = g.then(Layer::Conv2d(patches)).name("conv_proj");
    let g = g.class_token().name("class_token").positions().name("encoder.pos_embedding");
    let net_blocks = Blocks {
        layers: net.layers,
        heads: net.heads,
        inner: net.inner,
        causal: false,
        tokens: None,
        dropout: net.dropout,
        eps: EPS,
        names: NAMES,
    };
    blocks(dropped(g, net.dropout), net_blocks)
        .then(Layer::LayerNorm(LayerNorm { eps: EPS }))
        .name("encoder.ln")
        .select(0)
        .dense(net.classes)
        .role(Role::Head)
        .name("heads.head")
        .cross_entropy(0.0)
}
