//! A thread for the bits of one number of the arena.

use super::{BITS, MaskedRelu};
use crate::gpu::{Error, Grid, Numbers};
use crate::layer::cuda::{Backward, Forward, arguments};

impl MaskedRelu {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let (len, n) = sizes(io.y, io.input.len());
        let all = arguments![io.y, io.saved, io.x, len, n];
        io.queue.launch("masked_relu_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let (len, n) = sizes(io.dy, io.input.len());
        let all = arguments![io.dy.updated(), io.saved, len, n];
        io.queue.launch("masked_relu_backward", Grid::each(n), all)
    }
}

/// Numbers of an example, and of the bits of all.
fn sizes(numbers: Numbers, len: usize) -> (usize, usize) {
    (len, numbers.len() / len.max(1) * len.div_ceil(BITS))
}
