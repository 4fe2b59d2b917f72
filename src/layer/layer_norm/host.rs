//! Runs of pixels in parallel, sixteen sums abreast in each pixel; the gradients of γ and β are summed
//! over each run, and then over the runs in order.
//!
//! A norm has `PARTS` weights a channel, and saves as many statistics of each pixel: γ and β, μ and
//! 1 / √(σ² + ε), where it takes the mean away; γ and 1 / √(mean(x²) + ε), where it does not.

use super::LayerNorm;
use crate::layer::host::{Host, TASKS, share, tame};
use crate::layer::{Backward, Forward};
use crate::math;
use crate::math::vector::{across, sum, vectors};
use crate::update::Move;
use core::sync::atomic::Ordering;
use rayon::prelude::*;

/// Numbers of scratch: the gradients of the weights of each run.
pub(in crate::layer) const fn scratch<const PARTS: usize>(channels: usize) -> usize {
    PARTS * TASKS * channels
}

/// What is taken away from one pixel, and what it is then multiplied with.
#[inline(always)]
fn statistics<const PARTS: usize>(x: &[f32], eps: f32) -> [f32; 2] {
    let share = 1.0 / x.len() as f32;
    let mean = if PARTS == 2 { sum(x, #[inline(always)] |x| x) * share } else { 0.0 };
    let variance = sum(x, #[inline(always)] |x| (x - mean) * (x - mean)) * share;
    [mean, 1.0 / math::sqrt(variance + eps)]
}

/// y of one pixel, which holds x, and its statistics.
#[inline(always)]
fn pixel<const PARTS: usize>(
    y: &mut [f32],
    (gain, bias): (&[f32], &[f32]),
    eps: f32,
) -> [f32; 2] {
    let [mean, scale] = statistics::<PARTS>(y, eps);
    if PARTS == 2 {
        for ((y, gain), bias) in y.iter_mut().zip(gain).zip(bias) {
            *y = gain * ((*y - mean) * scale) + bias;
        }
    } else {
        for (y, gain) in y.iter_mut().zip(gain) {
            *y = gain * (*y * scale);
        }
    }
    [mean, scale]
}

/// The same where x lies elsewhere.
#[inline(always)]
fn pixel_of<const PARTS: usize>(
    y: &mut [f32],
    x: &[f32],
    (gain, bias): (&[f32], &[f32]),
    eps: f32,
) -> [f32; 2] {
    let [mean, scale] = statistics::<PARTS>(x, eps);
    if PARTS == 2 {
        for (((y, x), gain), bias) in y.iter_mut().zip(x).zip(gain).zip(bias) {
            *y = gain * ((x - mean) * scale) + bias;
        }
    } else {
        for ((y, x), gain) in y.iter_mut().zip(x).zip(gain) {
            *y = gain * (x * scale);
        }
    }
    [mean, scale]
}

/// The way back through one pixel, as the meaning has it.
#[inline(always)]
fn back<const PARTS: usize>(
    dy: &mut [f32],
    x: &[f32],
    gain: &[f32],
    [mean, scale]: [f32; 2],
    (gains, biases): (&mut [f32], &mut [f32]),
) {
    let share = 1.0 / x.len() as f32;
    let (mut sums, mut alongs) = ([0.0; 16], [0.0; 16]);
    let ((dys, dy1), (xs, x1)) = (dy.as_chunks::<16>(), x.as_chunks::<16>());
    let (weights, weights1) = gain.as_chunks::<16>();
    for ((dy, x), gain) in dys.iter().zip(xs).zip(weights) {
        for i in 0..16 {
            let g = gain[i] * dy[i];
            sums[i] += g;
            alongs[i] += g * ((x[i] - mean) * scale);
        }
    }
    let (mut sum, mut along) = (across(sums), across(alongs));
    for ((dy, x), gain) in dy1.iter().zip(x1).zip(weights1) {
        sum += gain * dy;
        along += gain * dy * ((x - mean) * scale);
    }
    let (sum, along) = (sum * share, along * share);
    let each = dy.iter_mut().zip(x).zip(gain);
    if PARTS == 2 {
        for (((dy, x), gain), (gains, biases)) in each.zip(gains.iter_mut().zip(biases)) {
            let n = (x - mean) * scale;
            *gains += *dy * n;
            *biases += *dy;
            *dy = (gain * *dy - sum - n * along) * scale;
        }
    } else {
        for (((dy, x), gain), gains) in each.zip(gains) {
            let n = x * scale;
            *gains += *dy * n;
            *dy = (gain * *dy - n * along) * scale;
        }
    }
}

/// The forward pass of a norm.
pub(in crate::layer) fn forward<const PARTS: usize>(eps: f32, io: Forward<'_>, host: &Host<'_>) {
    let (channels, arch) = (io.input.channels as usize, host.arch);
    let Forward { x, w, saved, y, .. } = io;
    let (gain, bias) = w.split_at(channels.min(w.len()));
    let pixels = share(y.len() / channels);
    let saved = saved.get_mut(..PARTS * (y.len() / channels)).unwrap_or_default();
    let each = |i: usize, y: &mut [f32], saved: &mut [f32]| {
        vectors(
            arch,
            #[inline(always)]
            || {
                let mut saved = saved.as_chunks_mut::<PARTS>().0.iter_mut();
                let mut xs = x.chunks_exact(channels).skip(i * pixels);
                for y in y.chunks_exact_mut(channels) {
                    let [mean, scale] = match xs.next() {
                        Some(x) => pixel_of::<PARTS>(y, x, (gain, bias), eps),
                        None => pixel::<PARTS>(y, (gain, bias), eps),
                    };
                    if let Some(saved) = saved.next() {
                        saved[0] = mean;
                        saved[PARTS - 1] = scale;
                    }
                }
            },
        );
    };
    let runs = y.par_chunks_mut(pixels * channels).enumerate();
    if saved.is_empty() {
        runs.for_each(|(i, y)| each(i, y, &mut []));
    } else {
        runs.zip(saved.par_chunks_mut(PARTS * pixels)).for_each(|((i, y), s)| each(i, y, s));
    }
}

/// The backward pass of a norm.
pub(in crate::layer) fn backward<const PARTS: usize, M: Move>(
    io: Backward<'_, M>,
    host: &mut Host<'_>,
) {
    let (channels, arch) = (io.input.channels as usize, host.arch);
    let Backward { x, saved, dy, mut weights, .. } = io;
    let pixels = share(dy.len() / channels);
    let gain = weights.w.get(..channels).unwrap_or_default();
    let sums = host.scratch.get_mut(..scratch::<PARTS>(channels)).unwrap_or_default();
    sums.fill(0.0);
    let runs = dy.par_chunks_mut(pixels * channels).zip(x.par_chunks(pixels * channels));
    let runs = runs.zip(saved.par_chunks(PARTS * pixels)).zip(sums.par_chunks_mut(PARTS * channels));
    runs.for_each(|(((dy, x), saved), sums)| {
        vectors(
            arch,
            #[inline(always)]
            || {
                let (gains, biases) = sums.split_at_mut(channels);
                let pixels = dy.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
                for ((dy, x), saved) in pixels.zip(saved.as_chunks::<PARTS>().0) {
                    let mean = if PARTS == 2 { saved[0] } else { 0.0 };
                    back::<PARTS>(dy, x, gain, [mean, saved[PARTS - 1]], (gains, biases));
                }
            },
        );
    });
    if weights.trained {
        let (first, others) = sums.split_at_mut(PARTS * channels);
        for other in others.chunks_exact(PARTS * channels) {
            math::add(first, other);
        }
        if tame(first) {
            weights.apply_vector(0, PARTS * channels, first.iter().copied());
        } else {
            host.diverged.store(true, Ordering::Relaxed);
        }
    }
}

impl LayerNorm {
    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &Host<'_>) {
        forward::<2>(self.eps, io, host);
    }

    pub(in crate::layer) fn backward_host<M: Move>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        backward::<2, M>(io, host);
    }
}
