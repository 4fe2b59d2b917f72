use super::ChannelScale;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments};

impl ChannelScale {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let (pixels, channels, n) = (io.input.pixels(), io.input.channels, io.y.len());
        let all = arguments![io.y, io.x, io.second, pixels, channels, n];
        io.queue.launch("channel_scale_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let (pixels, channels) = (io.input.pixels(), io.input.channels);
        if !io.dx.is_empty() {
            let n = io.dx.len();
            let all = arguments![io.dx, io.dy, io.second, pixels, channels, io.fresh[0], n];
            io.queue.launch("channel_scale_backward", Grid::each(n), all)?;
        }
        if !io.d_second.is_empty() {
            let n = io.d_second.len();
            let all = arguments![io.d_second, io.x, io.dy, pixels, channels, io.fresh[1], n];
            io.queue.launch("channel_scale_gradient", Grid::each(n), all)?;
        }
        Ok(())
    }
}
