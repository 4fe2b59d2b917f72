//! A fully connected layer: four outputs at a time.

use super::super::engine::Io;
use super::super::model::{Channel, Linear};
use super::End;
use super::dot::{dot, dots};

/// y = W x + b, in the output's steps.
pub(in crate::int8) fn dense(io: Io<'_>, linear: &Linear<'_>, weights: &[i8]) {
    let end = End::of(io.layer.values.zero, linear);
    outputs(&end, io.x, weights, linear.channels, io.y);
}

/// The outputs of some rows of weights for one input, or for one patch of one.
#[inline(never)]
pub(super) fn outputs(end: &End, x: &[i8], weights: &[i8], channels: &[Channel], y: &mut [i8]) {
    let inp = x.len().max(1);
    let (fours, ones) = channels.as_chunks::<4>();
    let (y_fours, y_ones) = y.as_chunks_mut::<4>();
    let blocks = weights.chunks_exact((4 * inp).max(1));
    let behind = blocks.remainder();
    for ((w, channels), y) in blocks.zip(fours).zip(y_fours) {
        for ((y, sum), channel) in y.iter_mut().zip(dots(w, x)).zip(channels) {
            *y = end.output(sum, channel);
        }
    }
    for ((w, channel), y) in behind.chunks_exact(inp).zip(ones).zip(y_ones) {
        *y = end.output(dot(w, x), channel);
    }
}
