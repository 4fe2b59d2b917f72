use super::AveragePool;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments, window};

impl AveragePool {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let n = io.y.len();
        let window = window(io.input, io.output, self.kernel, self.stride, [0, 0]);
        let all = arguments![io.y, io.x, window, n];
        io.queue.launch("average_pool_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let n = io.dx.len();
        let window = window(io.input, io.output, self.kernel, self.stride, [0, 0]);
        let all = arguments![io.dx, io.dy, window, io.fresh[0], n];
        io.queue.launch("average_pool_backward", Grid::each(n), all)
    }
}
