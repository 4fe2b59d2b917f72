//! A convolution: the patch of a pixel is gathered, and each row of weights meets it.

use super::super::engine::Io;
use super::super::model::{Linear, Window};
use super::dense::outputs;
use super::{End, Taps, copy, taps, wash};

/// Where patches are gathered from.
struct Around<'a> {
    x: &'a [i8],
    /// What stands outside of the picture.
    zero: i8,
    /// Pixels in a row, and numbers in a pixel.
    width: usize,
    channels: usize,
    /// The channels of a group.
    inp: usize,
    window: &'a Window,
    /// Numbers in a row of a patch.
    line: usize,
}

impl Around<'_> {
    /// Gathers the patch of a window: rows, columns, channels from `first` on.
    #[inline(always)]
    fn gather(&self, rows: Taps, columns: Taps, first: usize, patch: &mut [i8]) {
        let begin = rows.start.wrapping_mul(self.width).wrapping_add(columns.start);
        let from = begin.wrapping_mul(self.channels).wrapping_add(first);
        let whole = rows.is_whole(self.window.kernel[0]) && columns.is_whole(self.window.kernel[1]);
        match self.x.get(from..) {
            Some(x) if whole && self.inp == self.channels => {
                lines(x, self.width * self.channels, self.line, patch);
            }
            _ => self.clipped(rows, columns, from, patch),
        }
    }

    /// Gathers a patch that reaches out of the picture, or of a group.
    #[inline(never)]
    fn clipped(&self, rows: Taps, columns: Taps, mut from: usize, patch: &mut [i8]) {
        wash(patch, self.zero);
        let (first, end) = (columns.first * self.inp, columns.end * self.inp);
        from = from.wrapping_add(rows.first.wrapping_mul(self.width * self.channels));
        let lines = patch.chunks_exact_mut(self.line.max(1)).take(rows.end).skip(rows.first);
        for line in lines {
            let x = from.wrapping_add(columns.first.wrapping_mul(self.channels));
            let inside = line.get_mut(first..end).unwrap_or_default();
            if self.inp == self.channels {
                copy(inside, self.x.get(x..).unwrap_or_default());
            } else {
                let pixels = self.x.get(x..).unwrap_or_default().chunks(self.channels.max(1));
                for (to, from) in inside.chunks_exact_mut(self.inp.max(1)).zip(pixels) {
                    copy(to, from);
                }
            }
            from = from.wrapping_add(self.width * self.channels);
        }
    }
}

/// Gathers lines of so many numbers, `pitch` apart.
#[inline(never)]
fn lines(mut x: &[i8], pitch: usize, line: usize, patch: &mut [i8]) {
    for line in patch.chunks_exact_mut(line.max(1)) {
        copy(line, x);
        x = x.get(pitch..).unwrap_or_default();
    }
}

/// y[p] = W (patch of p) + b, in the output's steps.
#[inline(never)]
pub(in crate::int8) fn conv(
    io: Io<'_>,
    window: &Window,
    groups: u16,
    linear: &Linear<'_>,
    weights: &[i8],
) {
    let Io { layer, zero, x, y, scratch } = io;
    let end = End::of(layer.values.zero, linear);
    let groups = usize::from(groups).max(1);
    let share = |n: u32| (n as usize).checked_div(groups).unwrap_or(0).max(1);
    let (inp, out) = (share(layer.input.channels), share(layer.output.channels));
    let [down, across] = window.kernel.map(usize::from);
    let around = Around {
        x,
        zero: zero as i8,
        width: layer.input.width as usize,
        channels: layer.input.channels as usize,
        inp,
        window,
        line: (inp * across).max(1),
    };
    let block = (inp * down * across * out).max(1);
    let (all, width) = (layer.output.channels as usize, layer.output.width as usize);
    for (row, line) in y.chunks_exact_mut((all * width).max(1)).enumerate() {
        let rows = taps(window, 0, row, layer.input.height);
        for (column, y) in line.chunks_exact_mut(all.max(1)).enumerate() {
            let columns = taps(window, 1, column, layer.input.width);
            let of_groups = weights.chunks_exact(block).zip(linear.channels.chunks_exact(out));
            let mut first = 0;
            for ((weights, channels), y) in of_groups.zip(y.chunks_exact_mut(out)) {
                // a window of one pixel needs no gathering
                let patch = if scratch.is_empty() {
                    let at = (rows.start * around.width + columns.start) * around.channels + first;
                    x.get(at..).and_then(|x| x.get(..inp)).unwrap_or_default()
                } else {
                    around.gather(rows, columns, first, scratch);
                    &*scratch
                };
                outputs(&end, patch, weights, channels, y);
                first += inp;
            }
        }
    }
}
