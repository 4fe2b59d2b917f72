//! A thread for each number forward; a block for each place backward, of which the first place of a token
//! sums the gradients of all its places in their order.

use super::Embedding;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments};

impl Embedding {
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
        let all = arguments![io.dw, io.x, io.dy, count, width, padding, places];
        io.queue.launch("embedding_backward", Grid::blocks(places), all)
    }
}
