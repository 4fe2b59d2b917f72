//! Sums by runs of pixels, added up in order; then one pass that normalises (and rectifies, where a
//! rectifier follows). Sums are taken around the first pixel of the batch, so that a large mean costs no
//! precision; forward and backward read each number twice.

use super::BatchNorm;
use crate::layer::channels::{blocks, load, mask, relu, store, with_block};
use crate::layer::host::{Host, TASKS, share};
use crate::layer::{Backward, Forward};
use crate::math;
use crate::math::vector::vectors;
use crate::update::Move;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Numbers of scratch: two sums of each channel for each run, and four constants.
pub(in crate::layer) const fn scratch(channels: usize) -> usize {
    (2 * TASKS + 4) * channels
}

/// Numbers of a run of whole pixels.
fn run(numbers: usize, channels: usize) -> usize {
    share(numbers / channels) * channels
}

impl BatchNorm {
    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        let channels = io.input.channels as usize;
        let (arch, relu) = (host.arch, host.relu);
        let Forward { x, w, saved, y, .. } = io;
        let [gain, bias, running_mean, running_variance, ..] = fifths(w, channels);
        let (constants, sums) = host.scratch.split_at_mut(4 * channels);
        let (mean_of, scale_of) = constants.split_at_mut(channels);
        if saved.is_empty() {
            mean_of.copy_from_slice(running_mean);
            self.scales(running_variance, gain, scale_of);
        } else {
            let (mean, rest) = saved.split_at_mut(channels);
            let variance = rest.get_mut(..channels).unwrap_or_default();
            let numbers = if x.is_empty() { &*y } else { x };
            let around = numbers.get(..channels).unwrap_or_default();
            sum_runs(numbers.len(), channels, sums, |at, len, sums| {
                arch.dispatch(Moments { x: run_of(numbers, at, len), around, sums });
            });
            let share = 1.0 / (numbers.len() / channels) as f32;
            let (first, second) = sums.split_at(channels);
            let each = mean.iter_mut().zip(variance).zip(around);
            for (((mean, variance), around), (first, second)) in each.zip(first.iter().zip(second)) {
                let offset = first * share;
                *mean = around + offset;
                *variance = (second * share - offset * offset).max(0.0);
            }
            mean_of.copy_from_slice(mean);
            let variance = rest.get(..channels).unwrap_or_default();
            self.scales(variance, gain, scale_of);
        }
        let (mean, scale) = (&*mean_of, scale_of.get(..channels).unwrap_or_default());
        let run = run(y.len(), channels);
        if x.is_empty() {
            y.par_chunks_mut(run).for_each(|y| {
                arch.dispatch(Normalise { x: &[], y, mean, scale, bias, relu });
            });
        } else {
            y.par_chunks_mut(run).zip(x.par_chunks(run)).for_each(|(y, x)| {
                arch.dispatch(Normalise { x, y, mean, scale, bias, relu });
            });
        }
    }

    /// γ / √(σ² + ε).
    fn scales(&self, variance: &[f32], gain: &[f32], scales: &mut [f32]) {
        for ((scale, variance), gain) in scales.iter_mut().zip(variance).zip(gain) {
            *scale = gain / math::sqrt(variance + self.eps);
        }
    }

    pub(in crate::layer) fn backward_host<M: Move>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        let channels = io.input.channels as usize;
        let Backward { x, saved, dy, mut weights, .. } = io;
        let (arch, y) = (host.arch, host.mask);
        let (constants, sums) = host.scratch.split_at_mut(4 * channels);
        let [gain, _, _, running_variance, ..] = fifths(weights.w, channels);
        let [mean_of, scale_of, slope_of, shift_of] = quarters(constants, channels);
        if weights.trained {
            let (mean, rest) = saved.split_at_mut(channels);
            let (variance, rest) = rest.split_at_mut(channels);
            let (gains, rest) = rest.split_at_mut(channels);
            let biases = rest.get_mut(..channels).unwrap_or_default();
            let (dy_read, mean_read) = (&*dy, &*mean);
            sum_runs(dy_read.len(), channels, sums, |at, len, sums| {
                let [dy, x, y] = [dy_read, x, y].map(|all| run_of(all, at, len));
                arch.dispatch(Products { dy, x, y, mean: mean_read, sums });
            });
            let (first, second) = sums.split_at(channels);
            let share = 1.0 / (x.len() / channels) as f32;
            let each = mean.iter().zip(&*variance).zip(gain).enumerate();
            for (c, ((mean, variance), gain)) in each {
                let root = 1.0 / math::sqrt(variance + self.eps);
                let along = second.get(c).copied().unwrap_or_default() * root;
                let sum = first.get(c).copied().unwrap_or_default();
                let set = |to: &mut [f32], number| {
                    if let Some(to) = to.get_mut(c) {
                        *to = number;
                    }
                };
                set(gains, along);
                set(biases, sum);
                set(mean_of, *mean);
                set(scale_of, gain * root);
                set(slope_of, -gain * root * root * along * share);
                set(shift_of, -gain * root * sum * share);
            }
            self.follow(mean, variance, x.len() / channels, weights.w);
            let count = 2 * channels;
            let run = run(dy.len(), channels);
            let places = dy.par_chunks_mut(run).zip(x.par_chunks(run)).enumerate();
            let (mean, scale, slope, shift) = (&*mean_of, &*scale_of, &*slope_of, &*shift_of);
            places.for_each(|(i, (dy, x))| {
                let y = run_of(y, i * run, dy.len());
                arch.dispatch(Descend { dy, x, y, mean, scale, slope, shift });
            });
            let gradients = gains.iter().chain(biases.iter());
            if gradients.clone().all(|g| g.is_finite()) {
                weights.apply_vector(0, count, gradients.copied());
            } else {
                host.diverged.store(true, core::sync::atomic::Ordering::Relaxed);
            }
        } else {
            self.scales(running_variance, gain, scale_of);
            let (scale, run) = (&*scale_of, run(dy.len(), channels));
            dy.par_chunks_mut(run).enumerate().for_each(|(i, dy)| {
                let y = run_of(y, i * run, dy.len());
                vectors(
                    arch,
                    #[inline(always)]
                    || frozen(dy, y, scale),
                );
            });
        }
    }

    /// The running statistics follow those of the batch.
    fn follow(&self, mean: &[f32], variance: &[f32], count: usize, w: &mut [f32]) {
        let channels = mean.len();
        let unbiased = if count > 1 { count as f32 / (count - 1) as f32 } else { 1.0 };
        let running = w.get_mut(2 * channels..).unwrap_or_default();
        let batch = mean.iter().copied().chain(variance.iter().map(|v| v * unbiased));
        for (running, batch) in running.iter_mut().zip(batch) {
            *running += self.momentum * (batch - *running);
        }
    }
}

/// dy ← γ/σ dy.
#[inline(always)]
fn frozen(dy: &mut [f32], y: &[f32], scale: &[f32]) {
    for (dy, y) in dy.iter_mut().zip(y) {
        *dy = if *y > 0.0 { *dy } else { 0.0 };
    }
    for dy in dy.chunks_exact_mut(scale.len().max(1)) {
        for (dy, scale) in dy.iter_mut().zip(scale) {
            *dy *= scale;
        }
    }
}

fn fifths(all: &[f32], channels: usize) -> [&[f32]; 5] {
    let mut parts = all.chunks(channels.max(1));
    core::array::from_fn(|_| parts.next().unwrap_or_default())
}

fn quarters(all: &mut [f32], channels: usize) -> [&mut [f32]; 4] {
    let mut parts = all.chunks_exact_mut(channels.max(1));
    core::array::from_fn(|_| parts.next().unwrap_or_default())
}

fn run_of(all: &[f32], at: usize, len: usize) -> &[f32] {
    all.get(at..).and_then(|all| all.get(..len)).unwrap_or_default()
}

/// Sums over runs of pixels, two for each channel, added up in the order of the runs.
fn sum_runs(
    numbers: usize,
    channels: usize,
    sums: &mut [f32],
    each: impl Fn(usize, usize, &mut [f32]) + Send + Sync,
) {
    let run = run(numbers, channels);
    let count = numbers.div_ceil(run);
    let sums = sums.get_mut(..count * 2 * channels).unwrap_or_default();
    sums.par_chunks_mut(2 * channels).enumerate().for_each(|(i, sums)| {
        sums.fill(0.0);
        each(i * run, run.min(numbers - i * run), sums);
    });
    let (first, others) = sums.split_at_mut((2 * channels).min(sums.len()));
    for other in others.chunks_exact(2 * channels) {
        math::add(first, other);
    }
}

/// Σ (x − a) and Σ (x − a)² of each channel.
struct Moments<'a> {
    x: &'a [f32],
    around: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for (at, vectors, count) in blocks::<S>(self.around.len()) {
            with_block!(S, vectors, count, moments(simd, &mut self, at, count));
        }
    }
}

/// Writes two sums for the channels of a block.
#[inline(always)]
fn put<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    sums: &mut [f32],
    (at, count): (usize, usize),
    [first, second]: [[S::f32s; V]; 2],
) {
    let (one, two) = sums.split_at_mut(sums.len() / 2);
    store::<S, V, WHOLE>(simd, one.get_mut(at..at + count).unwrap_or_default(), first);
    store::<S, V, WHOLE>(simd, two.get_mut(at..at + count).unwrap_or_default(), second);
}

#[inline(always)]
fn moments<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    all: &mut Moments<'_>,
    at: usize,
    count: usize,
) {
    let channels = all.around.len();
    let around = load::<S, V, WHOLE>(simd, run_of(all.around, at, count));
    let mut first = [simd.splat_f32s(0.0); V];
    let mut second = first;
    for x in all.x.chunks_exact(channels) {
        let x = load::<S, V, WHOLE>(simd, run_of(x, at, count));
        for v in 0..V {
            let x = simd.sub_f32s(x[v], around[v]);
            first[v] = simd.add_f32s(first[v], x);
            second[v] = simd.mul_add_e_f32s(x, x, second[v]);
        }
    }
    put::<S, V, WHOLE>(simd, all.sums, (at, count), [first, second]);
}

/// y = (x − μ) · scale + β; x lies in y where it is empty.
struct Normalise<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    bias: &'a [f32],
    relu: bool,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for (at, vectors, count) in blocks::<S>(self.mean.len()) {
            with_block!(S, vectors, count, normalise(simd, &mut self, at, count));
        }
    }
}

#[inline(always)]
fn normalise<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    all: &mut Normalise<'_>,
    at: usize,
    count: usize,
) {
    let channels = all.mean.len();
    let mean = load::<S, V, WHOLE>(simd, run_of(all.mean, at, count));
    let scale = load::<S, V, WHOLE>(simd, run_of(all.scale, at, count));
    let bias = load::<S, V, WHOLE>(simd, run_of(all.bias, at, count));
    let constants = ([mean, scale, bias], all.relu);
    if all.x.is_empty() {
        for y in all.y.chunks_exact_mut(channels) {
            let y = y.get_mut(at..at + count).unwrap_or_default();
            let x = load::<S, V, WHOLE>(simd, y);
            store::<S, V, WHOLE>(simd, y, affine(simd, x, constants));
        }
    } else {
        for (y, x) in all.y.chunks_exact_mut(channels).zip(all.x.chunks_exact(channels)) {
            let x = load::<S, V, WHOLE>(simd, run_of(x, at, count));
            let y = y.get_mut(at..at + count).unwrap_or_default();
            store::<S, V, WHOLE>(simd, y, affine(simd, x, constants));
        }
    }
}

/// (x − μ) · scale + β, rectified on request.
#[inline(always)]
fn affine<S: Simd, const V: usize>(
    simd: S,
    mut x: [S::f32s; V],
    ([mean, scale, bias], rectify): ([[S::f32s; V]; 3], bool),
) -> [S::f32s; V] {
    for v in 0..V {
        x[v] = simd.mul_add_e_f32s(simd.sub_f32s(x[v], mean[v]), scale[v], bias[v]);
        if rectify {
            x[v] = relu(simd, x[v]);
        }
    }
    x
}

/// Σ dy and Σ dy (x − μ) of each channel, dy where y is positive (everywhere, where y is empty).
struct Products<'a> {
    dy: &'a [f32],
    x: &'a [f32],
    y: &'a [f32],
    mean: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for (at, vectors, count) in blocks::<S>(self.mean.len()) {
            with_block!(S, vectors, count, products(simd, &mut self, at, count));
        }
    }
}

#[inline(always)]
fn products<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    all: &mut Products<'_>,
    at: usize,
    count: usize,
) {
    let channels = all.mean.len();
    let mean = load::<S, V, WHOLE>(simd, run_of(all.mean, at, count));
    let mut first = [simd.splat_f32s(0.0); V];
    let mut second = first;
    // where nothing is masked, dy masks itself by being there: y = 1
    let masked = !all.y.is_empty();
    let ys = if masked { all.y } else { all.dy };
    let pixels = all.dy.chunks_exact(channels).zip(all.x.chunks_exact(channels));
    for ((dy, x), y) in pixels.zip(ys.chunks_exact(channels)) {
        let (mut dy, x) = (load::<S, V, WHOLE>(simd, run_of(dy, at, count)), load::<S, V, WHOLE>(simd, run_of(x, at, count)));
        if masked {
            let y = load::<S, V, WHOLE>(simd, run_of(y, at, count));
            for v in 0..V {
                dy[v] = mask(simd, dy[v], y[v]);
            }
        }
        for v in 0..V {
            first[v] = simd.add_f32s(first[v], dy[v]);
            second[v] = simd.mul_add_e_f32s(dy[v], simd.sub_f32s(x[v], mean[v]), second[v]);
        }
    }
    put::<S, V, WHOLE>(simd, all.sums, (at, count), [first, second]);
}

/// dy ← scale dy + slope (x − μ) + shift, with dy masked as in [`Products`].
struct Descend<'a> {
    dy: &'a mut [f32],
    x: &'a [f32],
    y: &'a [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    slope: &'a [f32],
    shift: &'a [f32],
}

impl WithSimd for Descend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for (at, vectors, count) in blocks::<S>(self.mean.len()) {
            with_block!(S, vectors, count, descend(simd, &mut self, at, count));
        }
    }
}

#[inline(always)]
fn descend<S: Simd, const V: usize, const WHOLE: bool>(simd: S, all: &mut Descend<'_>, at: usize, count: usize) {
    let channels = all.mean.len();
    let mean = load::<S, V, WHOLE>(simd, run_of(all.mean, at, count));
    let scale = load::<S, V, WHOLE>(simd, run_of(all.scale, at, count));
    let slope = load::<S, V, WHOLE>(simd, run_of(all.slope, at, count));
    let shift = load::<S, V, WHOLE>(simd, run_of(all.shift, at, count));
    let masked = !all.y.is_empty();
    let ys = if masked { all.y } else { all.x };
    let pixels = all.dy.chunks_exact_mut(channels).zip(all.x.chunks_exact(channels));
    for ((dy, x), y) in pixels.zip(ys.chunks_exact(channels)) {
        let place = dy.get_mut(at..at + count).unwrap_or_default();
        let (mut dy, x) = (load::<S, V, WHOLE>(simd, place), load::<S, V, WHOLE>(simd, run_of(x, at, count)));
        if masked {
            let y = load::<S, V, WHOLE>(simd, run_of(y, at, count));
            for v in 0..V {
                dy[v] = mask(simd, dy[v], y[v]);
            }
        }
        for v in 0..V {
            let x = simd.sub_f32s(x[v], mean[v]);
            let rest = simd.mul_add_e_f32s(x, slope[v], shift[v]);
            dy[v] = simd.mul_add_e_f32s(dy[v], scale[v], rest);
        }
        store::<S, V, WHOLE>(simd, place, dy);
    }
}
