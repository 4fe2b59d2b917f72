//! An example and a head at a time, as products of small matrices: S = α Q Kᵀ, P = softmax(S) row by
//! row, Y = P V. Scores never leave the processor's cache; backward computes them again, from the largest
//! score and the sum that forward saved. Where a query does not look at later tokens, keys are taken in
//! strips, each with the queries that look at one of them: the rest of S is neither computed nor read.

use super::Attention;
use crate::layer::host::{Host, TASKS, share};
use crate::layer::{Backward, Forward};
use crate::layer::product::{self, Left, Pack, Product, Right, Start};
use crate::math;
use crate::math::vector::{exp, largest, sum, vectors};
use core::ops::Range;
use pulp::Arch;
use rayon::prelude::*;

/// Tokens of a strip.
const STRIP: usize = 32;

/// The sizes of one head.
#[derive(Clone, Copy)]
struct Head {
    tokens: usize,
    /// Whether a token sees those before it and itself alone.
    causal: bool,
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

    /// The same, to be written.
    fn part_mut(self, x: &mut [f32], part: usize) -> (&mut [f32], usize) {
        (x.get_mut(part * self.d + self.first..).unwrap_or_default(), 3 * self.d)
    }

    /// The scores of a query that are computed: those before the end of its strip.
    const fn seen(self, query: usize) -> usize {
        let end = if self.causal { (query / STRIP + 1) * STRIP } else { self.tokens };
        if end < self.tokens { end } else { self.tokens }
    }

    /// Tokens, strip by strip.
    fn strips(self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let strip = if self.causal { STRIP } else { self.tokens.max(1) };
        let strips = self.tokens.div_ceil(strip);
        (0..strips).map(move |i| i * strip..self.tokens.min((i + 1) * strip))
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
        let right = Right { numbers: b.0, step: b.1, turned: true };
        for keys in self.head.strips() {
            let queries = if self.head.causal { keys.start } else { 0 };
            let c = c.get_mut(queries * tokens + keys.start..).unwrap_or_default();
            let a = a.0.get(queries * a.1..).map(|of| Left { numbers: of, step: a.1, turned: false });
            let (Some(a), rows) = (a, tokens - queries) else { return };
            self.product((c, tokens, rows), a, (right, width, keys), alpha, Start::Row(&[]));
        }
    }

    /// C = α A B, where A is [tokens, tokens] and B and C are parts of tokens.
    fn along(
        &mut self,
        (c, step): (&mut [f32], usize),
        a: &[f32],
        b: (&[f32], usize),
        alpha: f32,
        mut start: Start<'_>,
    ) {
        let Head { tokens, width, causal, .. } = self.head;
        for keys in self.head.strips() {
            let queries = if causal { keys.start } else { 0 };
            let c = c.get_mut(queries * step..).unwrap_or_default();
            let numbers = a.get(queries * tokens + keys.start..).unwrap_or_default();
            let a = Left { numbers, step: tokens, turned: false };
            let numbers = b.0.get(keys.start * b.1..).unwrap_or_default();
            let b = Right { numbers, step: b.1, turned: false };
            self.product((c, step, tokens - queries), a, (b, keys.len(), 0..width), alpha, start);
            start = Start::Add;
        }
    }

    /// C = α Aᵀ B, of the same sizes.
    fn down(
        &mut self,
        (c, step): (&mut [f32], usize),
        a: &[f32],
        b: (&[f32], usize),
        alpha: f32,
        mut start: Start<'_>,
    ) {
        let Head { tokens, width, .. } = self.head;
        // the last queries see all keys: they begin
        for queries in self.head.strips().rev() {
            let keys = queries.end;
            let numbers = a.get(queries.start * tokens..).unwrap_or_default();
            let a = Left { numbers, step: tokens, turned: true };
            let numbers = b.0.get(queries.start * b.1..).unwrap_or_default();
            let b = Right { numbers, step: b.1, turned: false };
            self.product((&mut *c, step, keys), a, (b, queries.len(), 0..width), alpha, start);
            start = Start::Add;
        }
    }

    fn product(
        &mut self,
        (c, step, rows): (&mut [f32], usize, usize),
        a: Left<'_>,
        (b, depth, columns): (Right<'_>, usize, Range<usize>),
        alpha: f32,
        start: Start<'_>,
    ) {
        let (arch, packed, count) = (self.arch, &mut *self.packed, columns.len());
        arch.dispatch(Pack { b, depth, columns, alpha, packed });
        let (b, columns) = (&*self.packed, count);
        arch.dispatch(Product { a, b, depth, rows, columns, start, c, step });
    }
}

impl Attention {
    fn host_heads(&self, tokens: usize, d: usize) -> impl Iterator<Item = Head> {
        let width = d / self.heads.max(1) as usize;
        let causal = self.causal;
        (0..self.heads as usize).map(move |h| Head { tokens, causal, d, first: h * width, width })
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
                        || softmax(scores, head, saved),
                    );
                    let y = (y.get_mut(head.first..).unwrap_or_default(), d);
                    products.along(y, scores, head.part(x, 2), 1.0, Start::Row(&[]));
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
            let scores = scores.get_mut(..head.seen(query)).unwrap_or_default();
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
                        || slope(weights, slopes, head, saved),
                    );
                    let (keys, queries, scale) = (head.part(x, 1), head.part(x, 0), head.scale());
                    products.along(head.part_mut(dx, 0), slopes, keys, scale, start);
                    products.down(head.part_mut(dx, 1), slopes, queries, scale, start);
                    products.down(head.part_mut(dx, 2), weights, gradient, 1.0, start);
                }
            }
        });
    }
}

/// Each row becomes its softmax; of each, the largest score and 1 / Σ are saved. A row without any
/// score becomes zeros.
#[inline(always)]
fn softmax(scores: &mut [f32], head: Head, saved: &mut [f32]) {
    let mut saved = saved.as_chunks_mut::<2>().0.iter_mut();
    for (query, row) in scores.chunks_exact_mut(head.tokens).enumerate() {
        let row = row.get_mut(..head.seen(query)).unwrap_or_default();
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
fn slope(scores: &mut [f32], gradients: &mut [f32], head: Head, saved: &[f32]) {
    let rows = scores.chunks_exact_mut(head.tokens).zip(gradients.chunks_exact_mut(head.tokens));
    for (query, ((p, g), [around, share])) in rows.zip(saved.as_chunks::<2>().0).enumerate() {
        let seen = head.seen(query);
        let (p, g) = (p.get_mut(..seen).unwrap_or_default(), g.get_mut(..seen).unwrap_or_default());
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
