use super::MaxPool;
use crate::layer::{Backward, Forward, window};

impl MaxPool {
    /// Writes to `saved` which tap of each window won, counted in scan order.
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels.max(1) as usize;
        let [rows, columns] =
            window::lines(io.input, io.output, self.kernel, self.stride, [0, 0]);
        let row = (columns.length * channels).max(1);
        let keep = !io.saved.is_empty();
        let mut saved = io.saved.chunks_exact_mut(channels);
        let mut y = io.y.chunks_exact_mut(channels);
        for x in io.x.chunks_exact(rows.length.max(1) * row) {
            for step in 0..rows.steps * columns.steps.max(1) {
                let (oy, ox) = (step / columns.steps.max(1), step % columns.steps.max(1));
                let Some(y) = y.next() else { return };
                y.fill(f32::NEG_INFINITY);
                let mut won = if keep { saved.next() } else { None }.unwrap_or_default().iter_mut();
                let first = oy * rows.stride * row + ox * columns.stride * channels;
                for (c, y) in y.iter_mut().enumerate() {
                    let (mut best, mut tap) = (0, 0);
                    for ky in 0..rows.kernel {
                        let line = x.get(first + c + ky * row..).unwrap_or_default();
                        for x in line.iter().step_by(channels).take(columns.kernel) {
                            // NaN wins, so that it is not hidden
                            if *x > *y || x.is_nan() {
                                (*y, best) = (*x, tap);
                            }
                            tap += 1;
                        }
                    }
                    if let Some(won) = won.next() {
                        *won = best as f32;
                    }
                }
            }
        }
    }

    pub(in crate::layer) fn backward<U>(&self, io: Backward<'_, U>) {
        let channels = io.input.channels.max(1) as usize;
        let [rows, columns] =
            window::lines(io.input, io.output, self.kernel, self.stride, [0, 0]);
        let row = (columns.length * channels).max(1);
        let taps = columns.kernel.max(1);
        let mut saved = io.saved.chunks_exact(channels);
        let mut dy = io.dy.chunks_exact(channels);
        for dx in io.dx.chunks_exact_mut(rows.length.max(1) * row) {
            for step in 0..rows.steps * columns.steps.max(1) {
                let (oy, ox) = (step / columns.steps.max(1), step % columns.steps.max(1));
                let (Some(dy), Some(won)) = (dy.next(), saved.next()) else { return };
                let first = oy * rows.stride * row + ox * columns.stride * channels;
                for (c, (dy, won)) in dy.iter().zip(won).enumerate() {
                    let tap = *won as usize;
                    let at = first + c + tap / taps * row + tap % taps * channels;
                    if let Some(dx) = dx.get_mut(at) {
                        *dx += dy;
                    }
                }
            }
        }
    }
}
