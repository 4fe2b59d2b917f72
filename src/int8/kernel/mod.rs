//! What the layers compute, a file for each: the sums of TensorFlow Lite's reference kernels, in whole
//! numbers, so that their order is free.

mod add;
mod conv;
mod dense;
mod depthwise;
mod dot;
mod pool;
mod rule;
mod softmax;

pub(super) use add::{add, relu};
pub(super) use conv::conv;
pub(super) use dense::dense;
pub(super) use depthwise::depthwise;
pub(super) use pool::{average_pool, max_pool};
pub(super) use rule::{conv_by_rule, dense_by_rule};
pub(super) use softmax::softmax;

use super::model::{Channel, Linear, Window};
use crate::shape::Shape;
use core::sync::atomic::{Ordering, compiler_fence};

/// What turns sums into outputs.
#[derive(Clone, Copy)]
struct End {
    zero: i32,
    least: i8,
}

/// A number held at the ends of 8 bits.
#[inline(always)]
fn hold(number: i32) -> i8 {
    number.clamp(-128, 127) as i8
}

impl End {
    fn of(zero: i8, linear: &Linear<'_>) -> Self {
        Self { zero: zero.into(), least: linear.least }
    }

    /// The output for a sum without its bias.
    #[cfg_attr(not(optimize_for_size), inline(always))]
    #[cfg_attr(optimize_for_size, inline(never))]
    fn output(&self, sum: i32, channel: &Channel) -> i8 {
        let sum = channel.multiplier.times(sum.wrapping_add(channel.bias));
        hold(sum.wrapping_add(self.zero)).max(self.least)
    }
}

/// The taps of one window that meet a line of the picture: from `first` to before `end`; tap t meets pixel
/// `start` + t, which wraps around below 0.
#[derive(Clone, Copy)]
struct Taps {
    first: usize,
    end: usize,
    start: usize,
}

impl Taps {
    /// Whether all of them meet the picture.
    #[inline(always)]
    fn is_whole(self, kernel: u16) -> bool {
        self.first == 0 && self.end == usize::from(kernel)
    }
}

/// The taps of a window along the rows (`side` 0) or the columns (1).
#[inline(always)]
fn taps(window: &Window, side: usize, step: usize, length: u32) -> Taps {
    let [kernel, stride, padding] = [&window.kernel, &window.stride, &window.padding]
        .map(|sizes| usize::from(*if side == 0 { &sizes[0] } else { &sizes[1] }));
    let start = (step * stride).wrapping_sub(padding);
    let first = padding.saturating_sub(step * stride);
    let end = (length as usize).wrapping_sub(start).min(kernel);
    // the end of the picture, counted from a start that lies before it
    let end = if first > 0 { (length as usize + first).min(kernel) } else { end };
    Taps { first, end, start }
}

/// Copies as many numbers as both have, eight at a time: a call of `memcpy` costs more where they are few.
#[inline(always)]
fn copy(to: &mut [i8], from: &[i8]) {
    let len = to.len().min(from.len());
    let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) else { return };
    let ((to, to_ones), (from, from_ones)) = (to.as_chunks_mut::<8>(), from.as_chunks::<8>());
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
        // or the compiler makes the call of it
        compiler_fence(Ordering::Release);
    }
    for (to, from) in to_ones.iter_mut().zip(from_ones) {
        *to = *from;
        compiler_fence(Ordering::Release);
    }
}

/// Fills with one number, without a call of `memset`.
#[inline(always)]
fn wash(to: &mut [i8], number: i8) {
    let (words, ones) = to.as_chunks_mut::<4>();
    for word in words {
        *word = [number; 4];
        compiler_fence(Ordering::Release);
    }
    for one in ones {
        *one = number;
        compiler_fence(Ordering::Release);
    }
}

/// The numbers of a pixel.
#[inline(always)]
fn pixel(x: &[i8], shape: Shape, row: usize, column: usize) -> &[i8] {
    let channels = shape.channels as usize;
    let at = (row * shape.width as usize + column) * channels;
    x.get(at..).and_then(|x| x.get(..channels)).unwrap_or_default()
}
