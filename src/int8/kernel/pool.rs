//! The largest and the mean of each window. Input and output have the same step.

use super::super::engine::Io;
use super::super::model::Window;
use super::{Taps, pixel, taps};

/// Goes through the output pixels: `each` gets one and the taps of its window.
#[inline(always)]
fn pixels(io: Io<'_>, window: &Window, mut each: impl FnMut(&[i8], &mut [i8], [Taps; 2])) {
    let Io { layer, x, y, .. } = io;
    let (channels, width) =
        ((layer.output.channels as usize).max(1), (layer.output.width as usize).max(1));
    for (row, y) in y.chunks_exact_mut((channels * width).max(1)).enumerate() {
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            let rows = taps(window, 0, row, layer.input.height);
            let columns = taps(window, 1, column, layer.input.width);
            each(x, y, [rows, columns]);
        }
    }
}

/// The largest of each window; what lies outside of the picture is none of it.
#[inline(never)]
pub(in crate::int8) fn max_pool(io: Io<'_>, window: &Window) {
    let shape = io.layer.input;
    pixels(io, window, |x, y, [rows, columns]| {
        y.fill(i8::MIN);
        for row in rows.first..rows.end {
            for column in columns.first..columns.end {
                let (row, column) =
                    (rows.start.wrapping_add(row), columns.start.wrapping_add(column));
                for (y, x) in y.iter_mut().zip(pixel(x, shape, row, column)) {
                    *y = (*y).max(*x);
                }
            }
        }
    });
}

/// The mean of each window, rounded half away from 0; what lies outside of the picture is not counted.
#[inline(never)]
pub(in crate::int8) fn average_pool(io: Io<'_>, window: &Window) {
    let shape = io.layer.input;
    pixels(io, window, |x, y, [rows, columns]| {
        let lines = rows.end.saturating_sub(rows.first);
        let count = (lines * columns.end.saturating_sub(columns.first)) as i32;
        for (channel, y) in y.iter_mut().enumerate() {
            let mut sum = 0;
            for row in rows.first..rows.end {
                for column in columns.first..columns.end {
                    let (row, column) =
                        (rows.start.wrapping_add(row), columns.start.wrapping_add(column));
                    sum += pixel(x, shape, row, column).get(channel).map_or(0, |x| i32::from(*x));
                }
            }
            let half = if sum > 0 { count / 2 } else { -(count / 2) };
            *y = (sum + half).checked_div(count).unwrap_or(0) as i8;
        }
    });
}
