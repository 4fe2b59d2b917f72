use super::Shortcut;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments, window};

impl Shortcut {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let n = io.y.len();
        let window = window(io.input, io.output, [1, 1], [self.stride; 2], [0, 0]);
        let all = arguments![io.y, io.x, window, self.channels, self.before(io.input), n];
        io.queue.launch("shortcut_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let (n, before) = (io.dx.len(), self.before(io.input));
        let window = window(io.input, io.output, [1, 1], [self.stride; 2], [0, 0]);
        let all = arguments![io.dx, io.dy, window, self.channels, before, io.fresh[0], n];
        io.queue.launch("shortcut_backward", Grid::each(n), all)
    }
}
