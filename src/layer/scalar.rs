//! Layers whose only weight is a number, y = x + b and y = α x, on the host: runs of numbers in parallel.
//! The gradient is summed over each run, and then over the runs in order.

use super::activation::map;
use super::host::tame;
use super::{Backward, Forward, Host, Layer, RUN};
use crate::math::vector::{across, sum, vectors};
use crate::update::Move;
use core::sync::atomic::Ordering;
use rayon::prelude::*;

/// Whether the layer is one of these. They find their input in `x` where it does not lie in `y`.
pub(super) const fn is(layer: &Layer) -> bool {
    matches!(layer, Layer::ScalarBias(_) | Layer::Multiplier(_))
}

/// Numbers of scratch: a sum for each run.
pub(super) const fn scratch(numbers: usize) -> usize {
    numbers.div_ceil(RUN)
}

/// The forward pass of one of these.
pub(super) fn forward(layer: &Layer, io: Forward<'_>, host: &Host<'_>) {
    let Forward { x, w, y, .. } = io;
    let [weight, ..] = *w else { return };
    if matches!(layer, Layer::Multiplier(_)) {
        map(
            y,
            x,
            host.arch,
            #[inline(always)]
            move |x| x * weight,
        );
    } else {
        map(
            y,
            x,
            host.arch,
            #[inline(always)]
            move |x| x + weight,
        );
    }
}

/// Σ x dy, in sixteen sums abreast.
#[inline(always)]
fn along(x: &[f32], dy: &[f32]) -> f32 {
    let ((xs, x1), (dys, dy1)) = (x.as_chunks::<16>(), dy.as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (x, dy) in xs.iter().zip(dys) {
        for ((sum, x), dy) in sums.iter_mut().zip(x).zip(dy) {
            *sum += x * dy;
        }
    }
    let mut total = across(sums);
    for (x, dy) in x1.iter().zip(dy1) {
        total += x * dy;
    }
    total
}

/// The backward pass of one of these: db = Σ dy; dα = Σ x dy, and dx = α dy.
pub(super) fn backward<M: Move>(layer: &Layer, io: Backward<'_, M>, host: &mut Host<'_>) {
    let Backward { x, dy, mut weights, .. } = io;
    let [weight, ..] = *weights.w else { return };
    let (arch, multiplies) = (host.arch, matches!(layer, Layer::Multiplier(_)));
    let sums = host.scratch.get_mut(..scratch(dy.len())).unwrap_or_default();
    dy.par_chunks_mut(RUN).zip(&mut *sums).enumerate().for_each(|(i, (dy, total))| {
        vectors(
            arch,
            #[inline(always)]
            || {
                if multiplies {
                    *total = along(x.get(i * RUN..).unwrap_or_default(), dy);
                    for dy in dy.iter_mut() {
                        *dy *= weight;
                    }
                } else {
                    *total = sum(
                        dy,
                        #[inline(always)]
                        |dy| dy,
                    );
                }
            },
        );
    });
    if !weights.trained {
        return;
    }
    let total = sums.iter().sum();
    if tame(&[total]) {
        weights.apply_scalar(total);
    } else {
        host.diverged.store(true, Ordering::Relaxed);
    }
}
