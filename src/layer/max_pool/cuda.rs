use super::MaxPool;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments, window};

impl MaxPool {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let n = io.y.len();
        let window = window(io.input, io.output, self.kernel, self.stride, self.padding);
        let all = arguments![io.y, io.saved, io.x, window, n];
        io.queue.launch("max_pool_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let n = io.dx.len();
        let window = window(io.input, io.output, self.kernel, self.stride, self.padding);
        let all = arguments![io.dx, io.dy, io.saved, window, io.fresh[0], n];
        io.queue.launch("max_pool_backward", Grid::each(n), all)
    }
}
