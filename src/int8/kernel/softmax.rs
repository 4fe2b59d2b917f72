//! Probabilities: exponentials by gemmlowp's fixed point, divided by their sum.

use super::super::engine::Io;
use super::super::fixed::{doubling_high, exp, reciprocal, rounding_shift};
use super::super::model::Softmax;

/// e^(x − largest), with 31 bits behind the point; none where it counts as nothing.
#[inline(always)]
fn power(softmax: &Softmax, x: i8, largest: i32) -> Option<i32> {
    let below = i32::from(x) - largest;
    (below >= -softmax.depth).then(|| exp(softmax.multiplier.times(below)))
}

/// The exponentials of each pixel, divided by their sum, in steps of 1/256 from −128 on.
#[inline(never)]
pub(in crate::int8) fn softmax(io: Io<'_>, softmax: &Softmax) {
    let Io { layer, x, y, .. } = io;
    for (y, x) in y.iter_mut().zip(x) {
        *y = *x;
    }
    for y in y.chunks_exact_mut((layer.output.channels as usize).max(1)) {
        let largest = i32::from(y.iter().copied().max().unwrap_or(0));
        let powers = y.iter().filter_map(|x| power(softmax, *x, largest));
        // with 12 bits before the point
        let sum = powers.fold(0_i32, |sum, power| sum.wrapping_add(rounding_shift(power, 12)));
        let (scale, shift) = reciprocal(sum);
        for y in y {
            *y = match power(softmax, *y, largest) {
                Some(power) => {
                    // of 512 equal inputs and more, each has less than half a step
                    let share = match (shift + 23) as u32 {
                        by @ 0..=31 => rounding_shift(doubling_high(scale, power), by),
                        _ => 0,
                    };
                    (share - 128).clamp(-128, 127) as i8
                }
                None => i8::MIN,
            };
        }
    }
}
