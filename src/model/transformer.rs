//! The blocks of a transformer with norms before its branches (Xiong et al. 2020):
//! x ← x + W_O attention(norm(x) W_QKV), x ← x + W₂ gelu(W₁ norm(x)).

use crate::graph::{Graph, Role, Value};
use crate::layer::{Dropout, Layer, LayerNorm};

/// What can be chosen about a stack of blocks.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    pub layers: usize,
    pub heads: u32,
    /// Channels between W₁ and W₂.
    pub inner: u32,
    pub causal: bool,
    /// Tokens of which those that are 0 are not attended to.
    pub tokens: Option<Value>,
    /// Of what each branch puts out.
    pub dropout: f32,
    pub eps: f32,
    /// The names of the first norm, W_QKV, W_O, the second norm, W₁, W₂.
    pub names: [&'static str; 6],
}

/// How many layers such blocks have.
pub(super) const fn blocks_nodes(layers: usize, dropout: f32) -> usize {
    layers.saturating_mul(if dropout > 0.0 { 12 } else { 10 })
}

/// Blocks that keep the shape of the latest value.
#[track_caller]
pub(super) const fn blocks<const N: usize>(mut g: Graph<N>, net: Blocks) -> Graph<N> {
    let width = super::channels(&g);
    let [norm_1, qkv, out, norm_2, up, down] = net.names;
    let norm = Layer::LayerNorm(LayerNorm { eps: net.eps });
    let mut layer = 0;
    // a draft that is full counts no further
    while layer < net.layers && layer < N {
        let skip = g.here();
        g = g.then(norm).name(norm_1);
        // A.3: queries, keys and values are one matrix of 3 d rows
        g = g.linear(width.saturating_mul(3)).role(Role::Branch).name(qkv);
        g = match net.tokens {
            None => g.attention(net.heads, net.causal),
            Some(tokens) => g.masked_attention(net.heads, net.causal, tokens),
        };
        g = g.linear(width).role(Role::BranchEnd).name(out);
        g = dropped(g, net.dropout).add(skip);
        let skip = g.here();
        g = g.then(norm).name(norm_2);
        g = g.linear(net.inner).role(Role::Branch).name(up).gelu();
        g = g.linear(width).role(Role::BranchEnd).name(down);
        g = dropped(g, net.dropout).add(skip);
        layer += 1;
    }
    g
}

/// Dropout, where there is any: a probability of 0 takes no layer.
#[track_caller]
pub(super) const fn dropped<const N: usize>(g: Graph<N>, probability: f32) -> Graph<N> {
    match probability == 0.0 {
        true => g,
        false => g.then(Layer::Dropout(Dropout { probability })),
    }
}
