//! A warp for each pixel; the gradients of the weights by columns, summed in slices and then in their order.

use super::LayerNorm;
use crate::gpu::{Error, Grid};
use crate::layer::cuda::{Backward, Forward, arguments, fold_pairs};

impl LayerNorm {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let Forward { queue, x, y, w, saved, .. } = *io;
        let channels = io.input.channels as usize;
        let rows = y.len() / channels;
        let all = arguments![y, x, w, saved, self.eps, rows, channels];
        queue.launch("layer_norm_forward", Grid::rows(rows), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let Backward { queue, x, w, saved, dy, dw, scratch, .. } = *io;
        let channels = io.input.channels as usize;
        let rows = dy.len() / channels;
        if !dw.is_empty() {
            let sums = arguments![dy, x, saved, rows, channels];
            fold_pairs(queue, dw, ("layer_norm_gradients", sums), rows, scratch)?;
        }
        let (dx, fresh) = io.passed_on();
        let all = arguments![dx, dy, x, w, saved, rows, channels, fresh];
        queue.launch("layer_norm_backward", Grid::rows(rows), all)
    }
}
