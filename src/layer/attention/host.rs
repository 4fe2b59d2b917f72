//! An example and a head at a time, as products of small matrices: S = α Q Kᵀ, P = softmax(S) row by
//! row, Y = P V. Scores never leave the processor's cache; backward computes them again, from the largest
//! score and the sum that forward saved.

use super::Attention;
use crate::layer::host::{Host, TASKS, share};
use crate::layer::{Backward, Forward};
use crate::math;
use crate::math::gemm::{Matrix, small};
use crate::math::vector::{exp, sum};
use rayon::prelude::*;

/// The sizes of one head.
#[derive(Clone, Copy)]
struct Head {
    tokens: usize,
    /// Numbers of a token in y.
    d: usize,
    /// The first channel of the head, and how many it has.
    first: usize,
    width: usize,
}

impl Head {
    /// The queries (0), keys (1) or values (2) of all tokens.
    fn part(self, x: &[f32], part: usize) -> Matrix<'_> {
        let numbers = x.get(part * self.d + self.first..).unwrap_or_default();
        Matrix { numbers, rows: self.tokens, columns: self.width, steps: [3 * self.d, 1] }
    }

    /// The head's numbers in y or dy.
    fn of_y(self, y: &[f32]) -> Matrix<'_> {
        let numbers = y.get(self.first..).unwrap_or_default();
        Matrix { numbers, rows: self.tokens, columns: self.width, steps: [self.d, 1] }
    }

    fn scale(self) -> f32 {
        1.0 / math::sqrt(self.width as f32)
    }
}

impl Attention {
    fn host_heads(&self, tokens: usize, d: usize) -> impl Iterator<Item = Head> {
        let width = d / self.heads.max(1) as usize;
        (0..self.heads as usize).map(move |h| Head { tokens, d, first: h * width, width })
    }

    /// Numbers of scratch: two matrices of scores for each run of examples.
    pub(in crate::layer) const fn scratch(&self, tokens: usize) -> usize {
        2 * TASKS * tokens * tokens
    }

    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        let (tokens, d) = (io.input.pixels(), io.output.channels as usize);
        let Forward { x, second, saved, y, .. } = io;
        let (x_len, y_len) = (3 * tokens * d, tokens * d);
        let (count, kept) = (y.len() / y_len, 2 * tokens * self.heads as usize);
        let (run, arch) = (share(count), host.arch);
        let saved_of = saved.get_mut(..count * kept).unwrap_or_default();
        let room = 2 * tokens * tokens;
        let each = |i: usize, x: &[f32], y: &mut [f32], scores: &mut [f32], saved: &mut [f32]| {
            let mut saved = saved.chunks_exact_mut(2 * tokens);
            let (scores, _) = scores.split_at_mut(tokens * tokens);
            for (n, (x, y)) in x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len)).enumerate() {
                let example = i * run + n;
                let padding = second.get(example * tokens..(example + 1) * tokens);
                for head in self.host_heads(tokens, d) {
                    self.scores(head, x, padding.unwrap_or_default(), scores);
                    let saved = saved.next().unwrap_or_default();
                    arch.dispatch(
                        #[inline(always)]
                        || softmax(scores, tokens, saved),
                    );
                    let y = y.get_mut(head.first..).unwrap_or_default();
                    let weights = Matrix::new(scores, tokens, tokens);
                    small(y, d, 1.0, weights, head.part(x, 2), false);
                }
            }
        };
        let runs = y.par_chunks_mut(run * y_len).zip(x.par_chunks(run * x_len));
        let runs = runs.zip(host.scratch.par_chunks_mut(room)).enumerate();
        if saved_of.is_empty() {
            runs.for_each(|(i, ((y, x), scores))| each(i, x, y, scores, &mut []));
        } else {
            let runs = runs.zip(saved_of.par_chunks_mut(run * kept));
            runs.for_each(|((i, ((y, x), scores)), saved)| each(i, x, y, scores, saved));
        }
    }

    /// S = α Q Kᵀ; −∞ where a query does not look.
    fn scores(&self, head: Head, x: &[f32], padding: &[f32], scores: &mut [f32]) {
        let tokens = head.tokens;
        let keys = head.part(x, 1).transposed();
        small(scores, tokens, head.scale(), head.part(x, 0), keys, false);
        for (query, scores) in scores.chunks_exact_mut(tokens).enumerate() {
            if self.causal {
                scores.get_mut(query + 1..).unwrap_or_default().fill(f32::NEG_INFINITY);
            }
            for (score, token) in scores.iter_mut().zip(padding) {
                if *token == 0.0 {
                    *score = f32::NEG_INFINITY;
                }
            }
        }
    }

    /// With P the weights: dV = Pᵀ dY, dP = dY Vᵀ, dS = α P (dP − Σ P dP), dQ = dS K, dK = dSᵀ Q.
    pub(in crate::layer) fn backward_host<M>(&self, io: Backward<'_, M>, host: &mut Host<'_>) {
        let (tokens, d) = (io.input.pixels(), io.output.channels as usize);
        let Backward { x, second, saved, dy, dx, d_second, .. } = io;
        // what is padding does not follow a gradient
        if host.fresh[1] {
            d_second.fill(0.0);
        }
        let (x_len, y_len) = (3 * tokens * d, tokens * d);
        let (count, kept) = (dy.len() / y_len, 2 * tokens * self.heads as usize);
        let (run, arch, add) = (share(count), host.arch, !host.fresh[0]);
        let saved = saved.get(..count * kept).unwrap_or_default();
        let rooms = host.scratch.par_chunks_mut(2 * tokens * tokens);
        let runs = dx.par_chunks_mut(run * x_len).zip(x.par_chunks(run * x_len));
        let runs = runs.zip(dy.par_chunks(run * y_len).zip(saved.par_chunks(run * kept)));
        runs.zip(rooms).enumerate().for_each(|(i, (((dx, x), (dy, saved)), room))| {
            let (weights, slopes) = room.split_at_mut(tokens * tokens);
            let mut saved = saved.chunks_exact(2 * tokens);
            let examples = dx.chunks_exact_mut(x_len).zip(x.chunks_exact(x_len));
            for (n, ((dx, x), dy)) in examples.zip(dy.chunks_exact(y_len)).enumerate() {
                let example = i * run + n;
                let padding = second.get(example * tokens..(example + 1) * tokens);
                for head in self.host_heads(tokens, d) {
                    self.scores(head, x, padding.unwrap_or_default(), weights);
                    let gradient = head.of_y(dy);
                    let values = head.part(x, 2).transposed();
                    small(slopes, tokens, 1.0, gradient, values, false);
                    let saved = saved.next().unwrap_or_default();
                    arch.dispatch(
                        #[inline(always)]
                        || slope(weights, slopes, tokens, saved),
                    );
                    let (p, ds) =
                        (Matrix::new(weights, tokens, tokens), Matrix::new(slopes, tokens, tokens));
                    let at = |part: usize| part * d + head.first;
                    let mut part = |i, alpha, a, b| {
                        let dx = dx.get_mut(at(i)..).unwrap_or_default();
                        small(dx, 3 * d, alpha, a, b, add);
                    };
                    part(0, head.scale(), ds, head.part(x, 1));
                    part(1, head.scale(), ds.transposed(), head.part(x, 0));
                    part(2, 1.0, p.transposed(), gradient);
                }
            }
        });
    }
}

/// Largest of a row; NaN is found by the sum.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let (lanes, rest) = row.as_chunks::<16>();
    let mut most = [f32::NEG_INFINITY; 16];
    for lane in lanes {
        for (most, x) in most.iter_mut().zip(lane) {
            *most = if *x > *most { *x } else { *most };
        }
    }
    most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, x| if *x > most { *x } else { most })
}

/// Each row becomes its softmax; of each, the largest score and 1 / Σ are saved. A row without any
/// score becomes zeros.
#[inline(always)]
fn softmax(scores: &mut [f32], tokens: usize, saved: &mut [f32]) {
    let mut saved = saved.as_chunks_mut::<2>().0.iter_mut();
    for row in scores.chunks_exact_mut(tokens) {
        let most = largest(row);
        let around = if most == f32::NEG_INFINITY { 0.0 } else { most };
        for x in row.iter_mut() {
            *x = exp(*x - around);
        }
        let total = sum(row, |x| x);
        let share = if total == 0.0 { 0.0 } else { 1.0 / total };
        for x in row.iter_mut() {
            *x *= share;
        }
        if let Some(saved) = saved.next() {
            *saved = [around, share];
        }
    }
}

/// Scores become weights, and the gradients of weights become those of scores.
#[inline(always)]
fn slope(scores: &mut [f32], gradients: &mut [f32], tokens: usize, saved: &[f32]) {
    let rows = scores.chunks_exact_mut(tokens).zip(gradients.chunks_exact_mut(tokens));
    for ((p, g), [around, share]) in rows.zip(saved.as_chunks::<2>().0) {
        for p in p.iter_mut() {
            *p = exp(*p - around) * share;
        }
        for (g, p) in g.iter_mut().zip(&*p) {
            *g *= p;
        }
        let mean = sum(g, |x| x);
        for (g, p) in g.iter_mut().zip(&*p) {
            *g -= p * mean;
        }
    }
}
