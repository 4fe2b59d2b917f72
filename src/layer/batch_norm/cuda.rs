//! Statistics and gradients by columns, in slices that are merged or summed in their order.

use super::BatchNorm;
use crate::gpu::{Error, Grid, Numbers};
use crate::layer::cuda::{Backward, Forward, arguments, fold_pairs, slices};

/// Vectors of `channels` numbers that lie behind each other.
fn parts<const N: usize>(all: Numbers, channels: usize) -> [Numbers; N] {
    core::array::from_fn(|i| all.after(i * channels).first(channels))
}

impl BatchNorm {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let Forward { queue, x, y, w, saved, scratch, .. } = *io;
        let (channels, eps) = (io.input.channels as usize, self.eps);
        let rows = x.len() / channels;
        let [mean, variance] = match saved.is_empty() {
            true => parts(w.after(2 * channels), channels),
            false => parts(saved, channels),
        };
        if !saved.is_empty() {
            let slices = slices(rows);
            let (partial, all) = (scratch.first(slices * 2 * channels), saved.first(2 * channels));
            let each = arguments![partial, x, rows, channels];
            queue.launch("batch_norm_statistics", Grid::columns(channels, slices), each)?;
            let merged = arguments![all, partial, slices, rows, channels];
            queue.launch("batch_norm_merged", Grid::each(channels), merged)?;
        }
        let n = y.len();
        let all = arguments![y, x, w, mean, variance, eps, channels, io.relu, n];
        queue.launch("batch_norm_forward", Grid::each(n), all)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let Backward { queue, x, w, saved, dy, dw, scratch, .. } = *io;
        let (channels, eps, n) = (io.input.channels as usize, self.eps, dy.len());
        let each = Grid::each(n);
        if dw.is_empty() {
            return queue.launch("batch_norm_frozen", each, arguments![dy.updated(), w, eps, channels, n]);
        }
        let rows = n / channels;
        let [mean, variance] = parts(saved, channels);
        let (trained, relu) = (w.first(2 * channels), !io.mask.is_empty());
        let sums = arguments![dy, x, trained, mean, variance, eps, relu, rows, channels];
        fold_pairs(queue, dw, ("batch_norm_gradients", sums), rows, scratch)?;
        let share = 1.0 / rows as f32;
        let all =
            arguments![dy.updated(), x, trained, mean, variance, dw, eps, relu, share, channels, n];
        queue.launch("batch_norm_backward", each, all)?;
        // PyTorch's running variance is the unbiased one; a single number has none
        let unbiased = if rows > 1 { rows as f32 / (rows - 1) as f32 } else { 1.0 };
        let running = w.after(2 * channels);
        let all = arguments![running, mean, variance, io.loss, self.momentum, unbiased, channels];
        queue.launch("batch_norm_running", Grid::each(channels), all)
    }
}
