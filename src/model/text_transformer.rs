//! A transformer that classifies texts (§4.4 of the IDInit paper), by its first token as BERT does
//! (Devlin et al. 2019).

use super::transformer::{Blocks, blocks, blocks_nodes, dropped};
use crate::graph::{Graph, Role};

/// What can be chosen about [`text_transformer`]. How many tokens a text has is the width of the
/// graph's input, `Shape::hwc(1, tokens, 1)`; token 0 fills texts up and is not attended to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TextTransformer {
    /// How many words there are.
    pub vocabulary: u32,
    /// Channels of a word; heads divide them.
    pub width: u32,
    /// Blocks.
    pub layers: usize,
    /// Heads of the attention.
    pub heads: u32,
    /// Channels within the second branch of a block.
    pub inner: u32,
    /// The probability of a number's being dropped behind each branch and behind the positions.
    pub dropout: f32,
    /// Outputs.
    pub classes: u32,
}

impl TextTransformer {
    /// Two blocks of five heads, with word vectors of 50 numbers. The paper gives no sizes.
    pub const SMALL: Self = Self {
        vocabulary: 20_000,
        width: 50,
        layers: 2,
        heads: 5,
        inner: 200,
        dropout: 0.1,
        classes: 2,
    };
}

impl Default for TextTransformer {
    fn default() -> Self {
        Self::SMALL
    }
}

/// How many layers [`text_transformer`] has.
pub const fn text_transformer_nodes(net: TextTransformer) -> usize {
    let dropout = (net.dropout > 0.0) as usize;
    blocks_nodes(net.layers, net.dropout).saturating_add(5 + dropout)
}

/// Rows of the words and of their positions, blocks, a norm, and a classifier that reads the first
/// token: [`text_transformer_nodes`] layers.
///
/// Every text begins with the same token, which no text has elsewhere: its row is the class token.
/// It is a token of the text and no layer, so that the tokens themselves say who is attended to.
#[track_caller]
pub const fn text_transformer<const N: usize>(g: Graph<N>, net: TextTransformer) -> Graph<N> {
    const NAMES: [&str; 6] = [
        "layers.*.norm1",
        "layers.*.self_attn.in_proj",
        "layers.*.self_attn.out_proj",
        "layers.*.norm2",
        "layers.*.linear1",
        "layers.*.linear2",
    ];
    let tokens = g.here();
    let g = g.padded_embedding(net.vocabulary, net.width).name("embedding");
    let g = g.positions().name("positions");
    let net_blocks = Blocks {
        layers: net.layers,
        heads: net.heads,
        inner: net.inner,
        causal: false,
        tokens: Some(tokens),
        dropout: net.dropout,
        eps: 1e-5,
        names: NAMES,
    };
    blocks(dropped(g, net.dropout), net_blocks)
        .layer_norm()
        .name("norm")
        .select(0)
        .dense(net.classes)
        .role(Role::Head)
        .name("fc")
        .cross_entropy(0.0)
}
