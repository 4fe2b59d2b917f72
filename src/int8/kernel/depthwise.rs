//! A convolution of each channel for itself, by one filter or several.

use super::super::engine::Io;
use super::super::model::{Channel, Linear, Window};
use super::{End, Taps, pixel, taps};

/// Sums of some outputs of one pixel.
struct Pixel<'a> {
    io: &'a Io<'a>,
    weights: &'a [i8],
    window: &'a Window,
    rows: Taps,
    columns: Taps,
}

impl Pixel<'_> {
    /// The sums of `N` outputs from `first` on, which read the channels from `channel` on.
    #[inline(always)]
    fn sums<const N: usize>(&self, first: usize, channel: usize) -> [i32; N] {
        let (input, out) = (self.io.layer.input, self.io.layer.output.channels as usize);
        let outside = [self.io.zero as i8; N];
        let [height, width] = self.window.kernel.map(usize::from);
        let mut sums = [0_i32; N];
        let mut at = first;
        for down in 0..height {
            let inside = (self.rows.first..self.rows.end).contains(&down);
            let row = self.rows.start.wrapping_add(down);
            for right in 0..width {
                let inside = inside && (self.columns.first..self.columns.end).contains(&right);
                let column = self.columns.start.wrapping_add(right);
                let x = match inside {
                    true => pixel(self.io.x, input, row, column).get(channel..).unwrap_or_default(),
                    false => &outside,
                };
                let w = self.weights.get(at..).unwrap_or_default();
                if let (Some(x), Some(w)) = (x.first_chunk::<N>(), w.first_chunk::<N>()) {
                    for ((sum, x), w) in sums.iter_mut().zip(x).zip(w) {
                        *sum = sum.wrapping_add(i32::from(*w) * i32::from(*x));
                    }
                }
                at += out;
            }
        }
        sums
    }
}

/// y[p][o] = Σ W[tap][o] x[p + tap][o / filters] + b[o], in the output's steps.
#[inline(never)]
pub(in crate::int8) fn depthwise(io: Io<'_>, window: &Window, linear: &Linear<'_>, weights: &[i8]) {
    let (input, output) = (io.layer.input, io.layer.output);
    let end = End::of(io.layer.values.zero, linear);
    let (out, width) = ((output.channels as usize).max(1), (output.width as usize).max(1));
    let filters = out.checked_div(input.channels as usize).unwrap_or(1).max(1);
    let Io { layer, zero, x, y, .. } = io;
    let io = Io { layer, zero, x, y: &mut [], scratch: &mut [] };
    for (row, y) in y.chunks_exact_mut((out * width).max(1)).enumerate() {
        for (column, y) in y.chunks_exact_mut(out).enumerate() {
            let (rows, columns) =
                (taps(window, 0, row, input.height), taps(window, 1, column, input.width));
            let pixel = Pixel { io: &io, weights, window, rows, columns };
            let mut done = 0;
            if filters == 1 {
                let ((y, _), (channels, _)) = (y.as_chunks_mut(), linear.channels.as_chunks());
                for (y, channels) in y.iter_mut().zip(channels) {
                    put::<4>(&end, pixel.sums(done, done), channels, y);
                    done += 4;
                }
            }
            for (o, (y, channel)) in y.iter_mut().zip(linear.channels).enumerate().skip(done) {
                let from = o.checked_div(filters).unwrap_or(0);
                put::<1>(&end, pixel.sums(o, from), &[*channel], core::array::from_mut(y));
            }
        }
    }
}

#[inline(always)]
fn put<const N: usize>(end: &End, sums: [i32; N], channels: &[Channel; N], y: &mut [i8; N]) {
    for ((y, sum), channel) in y.iter_mut().zip(sums).zip(channels) {
        *y = end.output(sum, channel);
    }
}
