//! Number by number: sums and rectifiers, in place where the plan says so.

use super::super::engine::Io;
use super::super::fixed::Multiplier;
use super::super::model::{Affine, Sum};
use super::hold;

/// Writes `f(a)` into each place of `y`, a being the number of `x` or, where there is none, the one that
/// lies there already.
#[inline(always)]
fn map(x: &[i8], y: &mut [i8], mut f: impl FnMut(i32) -> i8) {
    if !x.is_empty() {
        for (y, x) in y.iter_mut().zip(x) {
            *y = *x;
        }
    }
    for y in y {
        *y = f(i32::from(*y));
    }
}

/// y = a + b: both in steps of 2⁻²⁰ of twice the larger step, then in the output's.
#[inline(never)]
pub(in crate::int8) fn add(io: Io<'_>, sum: &Sum, second: &[i8], values: Affine) {
    let (zero, other, end) = (io.zero, i32::from(values.zero), i32::from(io.layer.values.zero));
    let least = sum.least;
    let mut second = second.iter();
    map(io.x, io.y, |a| {
        let b = second.next().map_or(other, |b| i32::from(*b));
        let a = sum.operands[0].times((a - zero) << Sum::UP);
        let b = sum.operands[1].times((b - other) << Sum::UP);
        hold(sum.output.times(a + b).wrapping_add(end)).max(least)
    });
}

/// y = max(0, x), in the output's steps.
#[inline(never)]
pub(in crate::int8) fn relu(io: Io<'_>, multiplier: Multiplier) {
    let (zero, zero_of) = (io.zero, io.layer.values.zero);
    let end = i32::from(zero_of);
    map(io.x, io.y, |x| hold(multiplier.times(x - zero).wrapping_add(end)).max(zero_of));
}
