use super::MaxPool;
use crate::layer::{Backward, Forward, window};

/// Whether `x` takes the place of `y`: it is larger, or NaN, which is not to be hidden.
#[inline(always)]
fn wins(x: f32, y: f32) -> bool {
    !(x <= y || y.is_nan())
}

/// `y[c]` becomes the larger of `y[c]` and `x[c]`; where that is `x[c]`, `won[c]` becomes its place,
/// `at` + c, if there is any.
fn largest(y: &mut [f32], x: &[f32], won: &mut [f32], at: usize) {
    let mut won = won.iter_mut();
    for (at, (y, x)) in (at..).zip(y.iter_mut().zip(x)) {
        let won = won.next();
        if wins(*x, *y) {
            *y = *x;
            if let Some(won) = won {
                *won = place(at);
            }
        }
    }
}

/// A place in a picture, as bits that are kept beside floats.
const fn place(at: usize) -> f32 {
    f32::from_bits(at as u32)
}

impl MaxPool {
    /// Writes to `saved` which number of the picture won each window.
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
                    let mut first = down.pixel * row + across.pixel * channels;
                    // where nothing is more than −∞, the first pixel of the picture wins
                    y.fill(f32::NEG_INFINITY);
                    won.iter_mut().zip(first..).for_each(|(won, at)| *won = place(at));
                    for _ in 0..down.count {
                        let mut at = first;
                        let line = x.get(first..).unwrap_or_default();
                        for x in line.chunks_exact(channels).take(across.count) {
                            largest(y, x, won, at);
                            at += channels;
                        }
                        first += row;
                    }
                }
            }
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let (x_len, y_len) = (io.input.len().max(1), io.output.len().max(1));
        let (mut saved, mut dy) = (&*io.saved, &*io.dy);
        for dx in io.dx.chunks_exact_mut(x_len) {
            let (Some((won, others)), Some((here, rest))) =
                (saved.split_at_checked(y_len), dy.split_at_checked(y_len))
            else {
                return;
            };
            for (won, dy) in won.iter().zip(here) {
                if let Some(dx) = dx.get_mut(won.to_bits() as usize) {
                    *dx += dy;
                }
            }
            (saved, dy) = (others, rest);
        }
    }
}
