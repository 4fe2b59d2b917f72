//! Scores a tile at a time, in kernels of three widths: `streaming.cu` tells how.

use super::super::Attention;
use super::Heads;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments};

/// Channels of the widest head there is a kernel for.
pub(super) const WIDEST: usize = 128;

/// Threads of a block.
const THREADS: usize = 128;

/// The kernels of one width.
#[derive(Clone, Copy)]
struct Kernels {
    /// Channels of the widest head they are for.
    wide: usize,
    /// Tokens of a tile, as `Tiles` has them.
    side: usize,
    forward: &'static str,
    by_queries: &'static str,
    by_keys: &'static str,
}

const KERNELS: [Kernels; 3] = [
    Kernels {
        wide: 32,
        side: 32,
        forward: "attention_forward_32",
        by_queries: "attention_queries_32",
        by_keys: "attention_keys_32",
    },
    Kernels {
        wide: 64,
        side: 32,
        forward: "attention_forward_64",
        by_queries: "attention_queries_64",
        by_keys: "attention_keys_64",
    },
    Kernels {
        wide: WIDEST,
        side: 16,
        forward: "attention_forward_128",
        by_queries: "attention_queries_128",
        by_keys: "attention_keys_128",
    },
];

/// Numbers of scratch: Σ p g of each query.
pub(super) const fn scratch(sizes: Heads) -> usize {
    sizes.heads * sizes.examples * sizes.tokens
}

/// The kernels of the narrowest width that the heads fit.
fn kernels(sizes: Heads) -> Result<&'static Kernels, Error> {
    let fits = |kernels: &&Kernels| sizes.width <= kernels.wide;
    KERNELS.iter().find(fits).ok_or(Error::Kernel { name: "attention", why: "heads are too wide" })
}

impl Attention {
    /// A block for each tile of the tokens of each head.
    fn blocks(sizes: Heads, side: usize) -> Grid {
        Grid::tiles([sizes.heads * sizes.examples * sizes.tokens.div_ceil(side), 1], THREADS)
    }

    /// Operations of so many products of scores, over the tiles that are looked at.
    fn operations(&self, sizes: Heads, side: usize, products: usize) -> u64 {
        let tiles = sizes.tokens.div_ceil(side);
        let looked_at = if self.causal { tiles * (tiles + 1) / 2 } else { tiles * tiles };
        let pairs = sizes.heads * sizes.examples * looked_at * side * side;
        2 * products as u64 * pairs as u64 * sizes.width as u64
    }

    pub(super) fn forward_streaming(&self, io: &Forward<'_>, sizes: Heads) -> Result<(), Error> {
        let &Kernels { forward, side, .. } = kernels(sizes)?;
        let Heads { heads, tokens, width, .. } = sizes;
        let (causal, scale) = (self.causal, sizes.scale());
        let all = arguments![io.y, io.x, io.saved, io.second, heads, width, tokens, causal, scale];
        let flops = self.operations(sizes, side, 2);
        io.queue.compute((forward, flops), Self::blocks(sizes, side), all)
    }

    pub(super) fn backward_streaming(&self, io: &Backward<'_>, sizes: Heads) -> Result<(), Error> {
        let &Kernels { by_queries, by_keys, side, .. } = kernels(sizes)?;
        let Heads { heads, tokens, width, .. } = sizes;
        let (causal, scale, fresh) = (self.causal, sizes.scale(), io.fresh[0]);
        let (means, blocks) = (io.scratch.first(scratch(sizes)), Self::blocks(sizes, side));
        // numbers that are added to are read before; of dx, a third is the one's and the rest the other's
        let third = io.dx.len() / 3;
        let parts = [io.dx.first(third), io.dx.first(io.dx.len() - third)];
        let [dq, dkv] = parts.map(|part| if fresh { part.into() } else { part.updated() });
        let all = arguments![
            dq, io.x, io.dy, io.saved, means, io.second, heads, width, tokens, causal, scale, fresh
        ];
        io.queue.compute((by_queries, self.operations(sizes, side, 4)), blocks, all)?;
        let all = arguments![
            dkv, io.x, io.dy, io.saved, means, io.second, heads, width, tokens, causal, scale, fresh
        ];
        io.queue.compute((by_keys, self.operations(sizes, side, 4)), blocks, all)
    }
}
