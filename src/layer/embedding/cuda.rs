//! A thread for each number forward. Backward sorts the places by their tokens, and sums the gradients of each
//! token's places in their order.

use super::Embedding;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments};

/// Places that a block sorts, and those that are summed in one go, as in `cuda.cu`.
const SORTED: usize = 256;
const SUMMED: usize = 64;

/// Threads of a block that sums.
const THREADS: usize = 128;

impl Embedding {
    /// Rows and places twice, to sort them from one side to the other, and two sums of each 64 places.
    pub(in crate::layer) fn cuda_scratch(&self, places: usize) -> usize {
        4 * places + 2 * places.div_ceil(SUMMED) * self.width as usize
    }

    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let Self { count, width, padding } = *self;
        let n = io.y.len();
        let all = arguments![io.y, io.x, io.w, count, width, padding, n];
        io.queue.launch("embedding_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let Self { count, width, padding } = *self;
        if io.dw.is_empty() {
            return Ok(());
        }
        io.queue.clear(io.dw)?;
        let places = io.x.len();
        let (mut pairs, rest) = (io.scratch.first(2 * places), io.scratch.after(2 * places));
        let (mut other, rest) = (rest.first(2 * places), rest.after(2 * places));
        let blocks = Grid::tiles([places.div_ceil(SORTED), 1], SORTED);
        let all = arguments![pairs, io.x, count, padding, places];
        io.queue.launch("tokens_sorted", blocks, all)?;
        let mut run = SORTED;
        while run < places {
            let all = arguments![other, pairs, run, places];
            io.queue.launch("tokens_merged", Grid::each(places), all)?;
            (pairs, other, run) = (other, pairs, 2 * run);
        }
        let (width, goes) = (width as usize, places.div_ceil(SUMMED));
        let partial = rest.first(2 * goes * width);
        let blocks = Grid::tiles([goes, width.div_ceil(THREADS)], THREADS);
        let all = arguments![io.dw, partial, pairs, io.dy, width, places];
        io.queue.launch("embedding_sums", blocks, all)?;
        io.queue.launch("embedding_joined", blocks, arguments![io.dw, partial, pairs, width, places])
    }
}
