//! Language models that predict each token from those before it (GPT-2, Radford et al. 2019, whose
//! norms stand before the branches).

use super::transformer::{Blocks, blocks, blocks_nodes, dropped};
use crate::graph::{Graph, Role};
use crate::layer::{Conv2d, Layer};

/// What can be chosen about [`gpt`]. How many tokens it sees is the width of the graph's input,
/// `Shape::hwc(1, context, 1)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gpt {
    /// Blocks.
    pub layers: usize,
    /// d, the channels of a token.
    pub width: u32,
    /// Heads of the attention.
    pub heads: u32,
    /// How many tokens there are.
    pub vocabulary: u32,
    /// The probability of a number's being dropped behind each branch and behind the positions.
    pub dropout: f32,
}

impl Gpt {
    /// The depth of §4.6 that trains in a day, on bytes.
    pub const LAYERS_8: Self =
        Self { layers: 8, width: 512, heads: 8, vocabulary: 256, dropout: 0.0 };
    /// The deep one of §4.6, whose default start spikes.
    pub const LAYERS_96: Self = Self { layers: 96, ..Self::LAYERS_8 };

    /// The parameters of such a network for a context: L (12 d² + 13 d) of the blocks, tables of
    /// the tokens and the positions, the last norm, and a head of its own without a bias.
    pub const fn parameters(self, context: u64) -> u64 {
        let (d, v) = (self.width as u64, self.vocabulary as u64);
        self.layers as u64 * (12 * d * d + 13 * d) + v * d + context * d + 2 * d + v * d
    }
}

impl Default for Gpt {
    fn default() -> Self {
        Self::LAYERS_8
    }
}

/// How many layers [`gpt`] has.
pub const fn gpt_nodes(net: Gpt) -> usize {
    let dropout = (net.dropout > 0.0) as usize;
    blocks_nodes(net.layers, net.dropout).saturating_add(4 + dropout)
}

/// Rows of the tokens and of their positions, causal blocks (4 d channels within), a norm, and a
/// classifier of each token, which shares no weights with the first table: [`gpt_nodes`] layers.
/// The loss is the mean over all tokens.
#[track_caller]
pub const fn gpt<const N: usize>(g: Graph<N>, net: Gpt) -> Graph<N> {
    const NAMES: [&str; 6] = [
        "transformer.h.*.ln_1",
        "transformer.h.*.attn.c_attn",
        "transformer.h.*.attn.c_proj",
        "transformer.h.*.ln_2",
        "transformer.h.*.mlp.c_fc",
        "transformer.h.*.mlp.c_proj",
    ];
    let g = g.embedding(net.vocabulary, net.width).name("transformer.wte");
    let g = g.positions().name("transformer.wpe");
    let net_blocks = Blocks {
        layers: net.layers,
        heads: net.heads,
        inner: net.width.saturating_mul(4),
        causal: true,
        tokens: None,
        dropout: net.dropout,
        eps: 1e-5,
        names: NAMES,
    };
    blocks(dropped(g, net.dropout), net_blocks)
        .layer_norm()
        .name("transformer.ln_f")
        .then(Layer::Conv2d(Conv2d { bias: false, ..Conv2d::same(net.vocabulary, 1) }))
        .role(Role::Head)
        .name("lm_head")
        .cross_entropy(0.0)
}
