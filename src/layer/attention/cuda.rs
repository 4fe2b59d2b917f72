//! Attention in one of two ways: streaming, where scores live in a tile at a time, or as batched products,
//! whose scores lie in memory, which is left to the widest heads and to devices that may round factors.

mod batched;
mod streaming;

use super::Attention;
use crate::gpu::Error;
use crate::layer::cuda::{Backward, Forward};
use crate::shape::Shape;

/// The sizes of a batch of heads.
#[derive(Clone, Copy)]
struct Heads {
    heads: usize,
    examples: usize,
    tokens: usize,
    /// Numbers of a token in y; in x it has three times as many.
    d: usize,
    /// Channels of a head.
    width: usize,
}

impl Heads {
    fn scale(self) -> f32 {
        1.0 / crate::math::sqrt(self.width as f32)
    }
}

impl Attention {
    fn sizes(&self, x: Shape, examples: usize) -> Heads {
        let (heads, d) = (self.heads.max(1) as usize, x.channels as usize / 3);
        Heads { heads, examples, tokens: x.pixels(), d, width: d / heads }
    }

    /// Whether scores are not to lie in memory. Products whose factors may be rounded are several times as
    /// fast on units that streaming does not use: they are worth the memory.
    const fn streams(sizes: Heads, matrix_units: bool) -> bool {
        sizes.width <= streaming::WIDEST && !matrix_units
    }

    pub(in crate::layer) fn cuda_scratch(&self, x: Shape, batch: usize, matrix_units: bool) -> usize {
        let sizes = self.sizes(x, batch);
        match Self::streams(sizes, matrix_units) {
            true => streaming::scratch(sizes),
            false => batched::scratch(sizes),
        }
    }

    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let sizes = self.sizes(io.input, io.examples);
        match Self::streams(sizes, io.queue.matrix_units()) {
            true => self.forward_streaming(io, sizes),
            false => self.forward_batched(io, sizes),
        }
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        // what is padding does not follow a gradient
        if io.fresh[1] && !io.d_second.is_empty() {
            io.queue.clear(io.d_second)?;
        }
        if io.dx.is_empty() {
            return Ok(());
        }
        let sizes = self.sizes(io.input, io.examples);
        match Self::streams(sizes, io.queue.matrix_units()) {
            true => self.backward_streaming(io, sizes),
            false => self.backward_batched(io, sizes),
        }
    }
}
