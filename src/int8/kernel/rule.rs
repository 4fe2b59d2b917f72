//! Layers whose weights are a rule: one or two products an output, and no weight in flash. The sums are those
//! of the stored weights, whose other numbers are zero.

use super::super::engine::Io;
use super::super::model::{Channel, Linear, Window};
use super::{End, taps};
use crate::rule::{Exact, Start};

/// What stands for the largest weight of a row.
const ONE: i32 = 127;

/// The places of a row that are not zero, with their weights: two at most.
type Row = [Option<(usize, i32)>; 2];

/// Goes through the outputs of a rule: `each` gets the number of one and its row.
#[inline(always)]
fn rows(io: &Io<'_>, rule: Exact, mut each: impl FnMut(usize, Row)) {
    let Some(dims) = io.layer.dims() else { return };
    let len = dims.row();
    let mut nonzeros = rule.nonzeros(dims).peekable();
    let mut begin = 0;
    for o in 0..dims.out() as usize {
        let end = begin + len;
        let mut next = || {
            let (i, value) = *nonzeros.peek().filter(|(i, _)| *i < end)?;
            nonzeros.next();
            Some((i - begin, if value < 0.0 { -ONE } else { ONE }))
        };
        let row = [next(), next()];
        each(o, row);
        begin = end;
    }
}

/// The channel of an output: one may stand for all.
#[inline(always)]
fn channel<'a>(linear: &Linear<'a>, o: usize) -> Option<&'a Channel> {
    linear.channels.get(o).or(linear.channels.first())
}

/// A fully connected layer by rule.
#[inline(never)]
pub(in crate::int8) fn dense_by_rule(io: Io<'_>, linear: &Linear<'_>, rule: Exact) {
    let end = End::of(io.layer.values.zero, linear);
    let (x, zero) = (io.x, io.zero);
    let Io { layer, y, .. } = io;
    let io = Io { layer, zero, x, y: &mut [], scratch: &mut [] };
    let mut y = y.iter_mut();
    rows(&io, rule, |o, row| {
        let products = row.iter().flatten().map(|(j, w)| {
            let x = x.get(*j).map_or(zero, |x| i32::from(*x));
            w * x
        });
        if let (Some(y), Some(channel)) = (y.next(), channel(linear, o)) {
            *y = end.output(products.sum(), channel);
        }
    });
}

/// A convolution by rule, of any groups.
#[inline(never)]
pub(in crate::int8) fn conv_by_rule(io: Io<'_>, window: &Window, linear: &Linear<'_>, rule: Exact) {
    let end = End::of(io.layer.values.zero, linear);
    let Io { layer, zero, x, y, .. } = io;
    let (input, output) = (layer.input, layer.output);
    let Some(dims) = layer.dims() else { return };
    let io = Io { layer, zero, x: &[], y: &mut [], scratch: &mut [] };
    let (inp, all) = (dims.inp() as usize, input.channels as usize);
    let width = usize::from(window.kernel[1]);
    let shared = dims.out().checked_div(dims.groups()).unwrap_or(1) as usize;
    let (out, steps) = ((output.channels as usize).max(1), (output.width as usize).max(1));
    rows(&io, rule, |o, row| {
        let Some(channel) = channel(linear, o) else { return };
        let group = o.checked_div(shared).unwrap_or(0) * inp;
        // row and column of the tap, and the input's channel
        let row = row.map(|place| {
            let (j, w) = place?;
            let (tap, c) = (j.checked_div(inp)?, j.checked_rem(inp)?);
            Some((tap.checked_div(width)?, tap.checked_rem(width)?, group + c, w))
        });
        for (down, y) in y.chunks_exact_mut((out * steps).max(1)).enumerate() {
            let rows = taps(window, 0, down, input.height);
            for (right, y) in y.chunks_exact_mut(out).enumerate() {
                let columns = taps(window, 1, right, input.width);
                let mut sum = 0;
                for (tap_row, tap_column, c, w) in row.iter().flatten() {
                    let inside = (rows.first..rows.end).contains(tap_row)
                        && (columns.first..columns.end).contains(tap_column);
                    let row = rows.start.wrapping_add(*tap_row);
                    let column = columns.start.wrapping_add(*tap_column);
                    let at = row.wrapping_mul(input.width as usize).wrapping_add(column);
                    let at = at.wrapping_mul(all).wrapping_add(*c);
                    let x = x.get(at).filter(|_| inside);
                    sum += w * x.map_or(zero, |x| i32::from(*x));
                }
                if let Some(y) = y.get_mut(o) {
                    *y = end.output(sum, channel);
                }
            }
        }
    });
}
