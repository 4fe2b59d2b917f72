//! An example and a head at a time, as products of small matrices: S = α Q Kᵀ, P = softmax(S) row by
//! row, Y = P V. Scores never leave the processor's cache; backward computes them again, from the largest
//! score and the sum that forward saved.

use super::Attention;
use crate::layer::host::{Host, TASKS, share};
use crate::layer::{Backward, Forward};
use crate::math;
use crate::layer::product::{self, Left, Pack, Product, Right, Start};
use crate::math::vector::{exp, largest, sum, vectors};
use pulp::Arch;
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
    /// The queries (0), keys (1) or values (2) of all tokens, from the first number of this head.
    fn part(self, x: &[f32], part: usize) -> (&[f32], usize) {
        (x.get(part * self.d + self.first..).unwrap_or_default(), 3 * self.d)
    }

    /// The head's numbers in y or dy.
    fn of_y(self, y: &[f32]) -> (&[f32], usize) {
        (y.get(self.first..).unwrap_or_default(), self.d)
    }

    fn scale(self) -> f32 {
        1.0 / math::sqrt(self.width as f32)
    }
}

/// What the products of one head share: room for a packed operand.
struct Products<'a> {
    arch: Arch,
    head: Head,
    packed: &'a mut [f32],
}

impl Products<'_> {
    /// C = α A Bᵀ, [tokens, tokens], where A and B are parts of tokens.
    fn scores(&mut self, c: &mut [f32], a: (&[f32], usize), b: (&[f32], usize), alpha: f32) {
        let Head { tokens, width, .. } = self.head;
        let b = Right { numbers: b.0, step: b.1, turned: true };
        let a = Left { numbers: a.0, step: a.1, turned: false };
        self.product((c, tokens), a, b, (width, tokens), alpha, Start::Row(&[]));
    }

    /// C = α A B, or Aᵀ B where it is turned, where A is [tokens, tokens] and B and C are parts of tokens.
    fn parts(
        &mut self,
        c: (&mut [f32], usize),
        (a, turned): (&[f32], bool),
        b: (&[f32], usize),
        alpha: f32,
        start: Start<'_>,
    ) {
        let Head { tokens, width, .. } = self.head;
        let b = Right { numbers: b.0, step: b.1, turned: false };
        let a = Left { numbers: a, step: tokens, turned };
        self.product(c, a, b, (tokens, width), alpha, start);
    }

    fn product(
        &mut self,
        (c, step): (&mut [f32], usize),
        a: Left<'_>,
        b: Right<'_>,
        (depth, columns): (usize, usize),
        alpha: f32,
        start: Start<'_>,
    ) {
        let (arch, packed) = (self.arch, &mut *self.packed);
        arch.dispatch(Pack { b, depth, columns: 0..columns, alpha, packed });
        let rows = self.head.tokens;
        arch.dispatch(Product { a, b: self.packed, depth, rows, columns, start, c, step });
    }
}

impl Attention {
    fn host_heads(&self, tokens: usize, d: usize) -> impl Iterator<Item = Head> {
        let width = d / self.heads.max(1) as usize;
        (0..self.heads as usize).map(move |h| Head { tokens, d, first: h * width, width })
    }

    /// Numbers of a run of examples: two matrices of scores, and a packed operand.
    fn room(&self, tokens: usize, d: usize) -> usize {
        let width = d / self.heads.max(1) as usize;
        let packed = product::room(width, tokens).max(product::room(tokens, width));
        2 * tokens * tokens + packed
    }

    /// Numbers of scratch.
    pub(in crate::layer) fn scratch(&self, tokens: usize, d: usize) -> usize {
        TASKS * self.room(tokens, d)
    }

    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        let (tokens, d) = (io.input.pixels(), io.output.channels as usize);
        let Forward { x, second, saved, y, .. } = io;
        let (x_len, y_len) = (3 * tokens * d, tokens * d);
        let (count, kept) = (y.len() / y_len, 2 * tokens * self.heads as usize);
        let (run, arch) = (share(count), host.arch);
        let saved_of = saved.get_mut(..count * kept).unwrap_or_default();
        let each = |i: usize, x: &[f32], y: &mut [f32], room: &mut [f32], saved: &mut [f32]| {
            let mut saved = saved.chunks_exact_mut(2 * tokens);
            let (scores, packed) = room.split_at_mut(tokens * tokens);
            for (n, (x, y)) in x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len)).enumerate() {
                let example = i * run + n;
                let padding = second.get(example * tokens..(example + 1) * tokens);
                for head in self.host_heads(tokens, d) {
                    let mut products = Products { arch, head, packed };
                    self.scores(&mut products, x, padding.unwrap_or_default(), scores);
                    let saved = saved.next().unwrap_or_default();
                    vectors(
                        arch,
                        #[inline(always)]
                        || softmax(scores, tokens, saved),
                    );
                    let y = (y.get_mut(head.first..).unwrap_or_default(), d);
                    products.parts(y, (scores, false), head.part(x, 2), 1.0, Start::Row(&[]));
                }
            }
        };
        let runs = y.par_chunks_mut(run * y_len).zip(x.par_chunks(run * x_len));
        let runs = runs.zip(host.scratch.par_chunks_mut(self.room(tokens, d))).enumerate();
        if saved_of.is_empty() {
            runs.for_each(|(i, ((y, x), room))| each(i, x, y, room, &mut []));
        } else {
            let runs = runs.zip(saved_of.par_chunks_mut(run * kept));
            runs.for_each(|((i, ((y, x), room)), saved)| each(i, x, y, room, saved));
        }
    }

    /// S = α Q Kᵀ; −∞ where a query does not look.
    fn scores(
        &self,
        products: &mut Products<'_>,
        x: &[f32],
        padding: &[f32],
        scores: &mut [f32],
    ) {
        let head = products.head;
        products.scores(scores, head.part(x, 0), head.part(x, 1), head.scale());
        for (query, scores) in scores.chunks_exact_mut(head.tokens).enumerate() {
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

    /// With P the weights: dV = Pᵀ dY, dP = dY Vᵀ, dS = P (dP − Σ P dP), dQ = α dS K, dK = α dSᵀ Q.
    pub(in crate::layer) fn backward_host<M>(&self, io: Backward<'_, M>, host: &mut Host<'_>) {
        let (tokens, d) = (io.input.pixels(), io.output.channels as usize);
        let Backward { x, second, saved, dy, dx, d_second, .. } = io;
        // what is padding does not follow a gradient
        if host.fresh[1] {
            d_second.fill(0.0);
        }
        let (x_len, y_len) = (3 * tokens * d, tokens * d);
        let (count, kept) = (dy.len() / y_len, 2 * tokens * self.heads as usize);
        let (run, arch) = (share(count), host.arch);
        let start = if host.fresh[0] { Start::Row(&[]) } else { Start::Add };
        let saved = saved.get(..count * kept).unwrap_or_default();
        let rooms = host.scratch.par_chunks_mut(self.room(tokens, d));
        let runs = dx.par_chunks_mut(run * x_len).zip(x.par_chunks(run * x_len));
        let runs = runs.zip(dy.par_chunks(run * y_len).zip(saved.par_chunks(run * kept)));
        runs.zip(rooms).enumerate().for_each(|(i, (((dx, x), (dy, saved)), room))| {
            let (weights, room) = room.split_at_mut(tokens * tokens);
            let (slopes, packed) = room.split_at_mut(tokens * tokens);
            let mut saved = saved.chunks_exact(2 * tokens);
            let examples = dx.chunks_exact_mut(x_len).zip(x.chunks_exact(x_len));
            for (n, ((dx, x), dy)) in examples.zip(dy.chunks_exact(y_len)).enumerate() {
                let example = i * run + n;
                let padding = second.get(example * tokens..(example + 1) * tokens);
                for head in self.host_heads(tokens, d) {
                    let mut products = Products { arch, head, packed };
                    self.scores(&mut products, x, padding.unwrap_or_default(), weights);
                    let gradient = head.of_y(dy);
                    products.scores(slopes, gradient, head.part(x, 2), 1.0);
                    let saved = saved.next().unwrap_or_default();
                    vectors(
                        arch,
                        #[inline(always)]
                        || slope(weights, slopes, tokens, saved),
                    );
                    let mut part = |i: usize, a, b, alpha| {
                        let dx = dx.get_mut(i * d + head.first..).unwrap_or_default();
                        products.parts((dx, 3 * d), a, b, alpha, start);
                    };
                    part(0, (&*slopes, false), head.part(x, 1), head.scale());
                    part(1, (&*slopes, true), head.part(x, 0), head.scale());
                    part(2, (&*weights, true), gradient, 1.0);
                }
            }
        });
    }
}

/// Each row becomes its softmax; of each, the largest score and 1 / Σ are saved. A row without any
/// score becomes zeros.
#[inline(always)]
fn softmax(scores: &mut [f32], tokens: usize, saved: &mut [f32]) {
    let mut saved = saved.as_chunks_mut::<2>().0.iter_mut();
    for row in scores.chunks_exact_mut(tokens) {
        // NaN is found by the sum
        let most = largest(row);
        let around = if most == f32::NEG_INFINITY { 0.0 } else { most };
        for x in row.iter_mut() {
            *x = exp(*x - around);
        }
        let total = sum(row, #[inline(always)] |x| x);
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
        let mean = sum(g, #[inline(always)] |x| x);
        for (g, p) in g.iter_mut().zip(&*p) {
            *g -= p * mean;
        }
    }
}
