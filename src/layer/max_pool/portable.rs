use super::MaxPool;
use crate::layer::{Backward, Forward, window};

/// Whether `x` takes the place of `y`: it is larger, or NaN, which is not to be hidden.
#[inline(always)]
fn wins(x: f32, y: f32) -> bool {
    !(x <= y || y.is_nan())
}

/// `y[c]` becomes the larger of `y[c]` and `x[c]`.
fn largest(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        if wins(*x, *y) {
            *y = *x;
        }
    }
}

/// The same; where `x[c]` is larger, `won[c]` becomes `tap`.
fn largest_kept(y: &mut [f32], x: &[f32], won: &mut [f32], tap: f32) {
    for ((y, x), won) in y.iter_mut().zip(x).zip(won) {
        if wins(*x, *y) {
            (*y, *won) = (*x, tap);
        }
    }
}

impl MaxPool {
    /// Writes to `saved` which tap of each window won, counted in scan order.
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels.max(1) as usize;
        let [rows, columns] =
            window::lines(*io.input, *io.output, self.kernel, self.stride, self.padding);
        let row = (columns.length * channels).max(1);
        let mut saved = io.saved.chunks_exact_mut(channels);
        let mut y = io.y.chunks_exact_mut(channels);
        for x in io.x.chunks_exact((rows.length * row).max(1)) {
            for oy in 0..rows.steps {
                let down = rows.taps(oy);
                for ox in 0..columns.steps {
                    let Some(y) = y.next() else { return };
                    let won = saved.next().unwrap_or_default();
                    let across = columns.taps(ox);
                    let first = down.first * columns.kernel + across.first;
                    y.fill(f32::NEG_INFINITY);
                    // where nothing is more than −∞, the first pixel of the picture wins
                    won.fill(first as f32);
                    for ky in 0..down.count {
                        let mut tap = (first + ky * columns.kernel) as f32;
                        let at = (down.pixel + ky) * row + across.pixel * channels;
                        let line = x.get(at..).unwrap_or_default();
                        for x in line.chunks_exact(channels).take(across.count) {
                            if won.is_empty() {
                                largest(y, x);
                            } else {
                                largest_kept(y, x, won, tap);
                            }
                            tap += 1.0;
                        }
                    }
                }
            }
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let channels = io.input.channels.max(1) as usize;
        let [rows, columns] =
            window::lines(*io.input, *io.output, self.kernel, self.stride, self.padding);
        let row = (columns.length * channels).max(1);
        let taps = columns.kernel.max(1);
        let before = rows.padding * row + columns.padding * channels;
        let mut saved = io.saved.chunks_exact(channels);
        let mut dy = io.dy.chunks_exact(channels);
        for dx in io.dx.chunks_exact_mut((rows.length * row).max(1)) {
            for oy in 0..rows.steps {
                for ox in 0..columns.steps {
                    let (Some(dy), Some(won)) = (dy.next(), saved.next()) else { return };
                    let first = oy * rows.stride * row + ox * columns.stride * channels;
                    for (c, (dy, won)) in dy.iter().zip(won).enumerate() {
                        let tap = *won as usize;
                        let at = first + c + tap / taps * row + tap % taps * channels;
                        if let Some(dx) = dx.get_mut(at.wrapping_sub(before)) {
                            *dx += dy;
                        }
                    }
                }
            }
        }
    }
}
