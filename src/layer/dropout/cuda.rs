//! The host's lots, drawn by the same words of Philox.

use super::Dropout;
use super::portable::STREAM;
use crate::gpu::{Error, Grid, Numbers, Queue};
use crate::layer::cuda::{Backward, Forward, Lots, arguments};

impl Dropout {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        match io.saved.is_empty() {
            true => io.queue.copy(io.y, io.x),
            false => self.drop_cuda(io.queue, (io.y, io.x), io.chance),
        }
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        self.drop_cuda(io.queue, (io.dy, io.dy), io.chance)
    }

    fn drop_cuda(&self, queue: &Queue, (y, x): (Numbers, Numbers), lots: Lots) -> Result<(), Error> {
        let (lost, scale) = self.share();
        let (stream, n) = (STREAM | (lots.node & 0xFFFF), y.len());
        let all = arguments![y, x, lots.at, stream, lost, scale, n];
        queue.launch("dropout", Grid::each(n.div_ceil(8)), all)
    }
}
