//! One query after the other, four keys abreast. The softmax is taken as the keys come: where a score
//! is the largest so far, what was summed before is scaled down (Milakov & Gimelshein 2018), so that
//! forward needs no memory for scores. Backward computes the weights of each query again, by the largest
//! score and the sum that forward saved.

use super::Attention;
use crate::layer::{Backward, Forward};
use crate::math;

/// Where the parts of one head lie among the numbers of an example.
#[derive(Clone, Copy)]
struct Head {
    /// d, the numbers of a token in y; in x it has three times as many.
    d: usize,
    /// The first channel of the head.
    first: usize,
    /// The channels of the head.
    width: usize,
}

impl Head {
    /// One head's numbers of a token: `part` 0 is the query, 1 the key, 2 the value.
    #[inline(always)]
    fn at(self, token: usize, part: usize) -> usize {
        (3 * token + part) * self.d + self.first
    }

    #[inline(always)]
    fn of(self, x: &[f32], token: usize, part: usize) -> &[f32] {
        math::run(x, self.at(token, part), self.width).unwrap_or_default()
    }

    #[inline(always)]
    fn of_mut(self, x: &mut [f32], token: usize, part: usize) -> &mut [f32] {
        let numbers = x.get_mut(self.at(token, part)..).and_then(|x| x.get_mut(..self.width));
        numbers.unwrap_or_default()
    }

    /// The dot products of `q` with one part of the four tokens from `token` on; those behind the last
    /// are 0.
    #[inline(always)]
    fn dots(self, x: &[f32], token: usize, part: usize, q: &[f32]) -> [f32; 4] {
        let rows = [0, 1, 2, 3].map(|r| self.of(x, token + r, part));
        if rows.iter().all(|row| row.len() == q.len()) {
            let [dots] = math::dots([[0.0; 4]], [q], rows);
            return dots;
        }
        rows.map(|row| math::dot(0.0, q, row))
    }

    /// 1 / √width (Vaswani et al. 2017, eq. 1).
    fn scale(self) -> f32 {
        1.0 / math::sqrt(self.width as f32)
    }
}

impl Attention {
    /// The heads of an example whose tokens have `d` numbers each in y.
    fn heads(&self, d: usize) -> impl Iterator<Item = Head> {
        let width = d / self.heads.max(1) as usize;
        (0..self.heads as usize).map(move |h| Head { d, first: h * width, width })
    }

    /// How many tokens, from the first, the query of a token may look at.
    fn reach(&self, token: usize, tokens: usize) -> usize {
        if self.causal { token + 1 } else { tokens }
    }

    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let (tokens, d) = (io.input.pixels(), io.output.channels as usize);
        let mut padding = io.second.chunks_exact(tokens.max(1));
        let mut saved = io.saved.as_chunks_mut::<2>().0.iter_mut();
        io.y.fill(0.0);
        let examples = io.x.chunks_exact((3 * tokens * d).max(1));
        for (x, y) in examples.zip(io.y.chunks_exact_mut((tokens * d).max(1))) {
            let padding = padding.next().unwrap_or_default();
            for head in self.heads(d) {
                for (token, y) in y.chunks_exact_mut(d.max(1)).enumerate() {
                    let y = y.get_mut(head.first..).and_then(|y| y.get_mut(..head.width));
                    let reach = self.reach(token, tokens);
                    let summed = attend(head, x, (token, reach), padding, y.unwrap_or_default());
                    if let Some(saved) = saved.next() {
                        *saved = summed;
                    }
                }
            }
        }
    }

    /// With p the weights of a query over the keys j, g[j] = dy · v[j] and δ = Σ p g:
    /// dv[j] += p[j] dy; the gradients of the scores are p[j] (g[j] − δ), which go on to the query
    /// along the keys and to the keys along the query.
    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let (tokens, d) = (io.input.pixels(), io.output.channels as usize);
        let Backward { x, second, saved, dy, dx, .. } = io;
        let (saved, scratch) = saved.split_at_mut(saved.len().saturating_sub(2 * tokens));
        let mut padding = second.chunks_exact(tokens.max(1));
        let mut saved = saved.as_chunks::<2>().0.iter();
        let size = (3 * tokens * d).max(1);
        let examples = x.chunks_exact(size).zip(dx.chunks_exact_mut(size));
        for ((x, dx), dy) in examples.zip(dy.chunks_exact((tokens * d).max(1))) {
            let padding = padding.next().unwrap_or_default();
            for head in self.heads(d) {
                for (token, dy) in dy.chunks_exact(d.max(1)).enumerate() {
                    let Some(&summed) = saved.next() else { return };
                    let dy = math::run(dy, head.first, head.width).unwrap_or_default();
                    let query = (token, self.reach(token, tokens));
                    let weights = weigh(head, x, query, padding, (summed, dy), scratch);
                    hand_down(head, (x, dx), token, dy, weights);
                }
            }
        }
    }
}

/// Whether a token is there, and not only padding.
#[inline(always)]
fn is_there(padding: &[f32], token: usize) -> bool {
    padding.get(token).is_none_or(|&token| token != 0.0)
}

/// The output of one query, y = softmax(q kᵀ) v over the first `reach` tokens, where y is 0 before.
/// Returns the largest score, and 1 / Σ e^(score − largest).
fn attend(
    head: Head,
    x: &[f32],
    (token, reach): (usize, usize),
    padding: &[f32],
    y: &mut [f32],
) -> [f32; 2] {
    let (q, scale) = (head.of(x, token, 0), head.scale());
    let (mut largest, mut sum) = (f32::NEG_INFINITY, 0.0);
    for four in (0..reach).step_by(4) {
        let scores = head.dots(x, four, 1, q);
        for (j, score) in (four..reach).zip(scores) {
            if !is_there(padding, j) {
                continue;
            }
            let score = score * scale;
            // (NaN too: it must not be hidden)
            if score > largest || score.is_nan() {
                let before = if sum > 0.0 { math::exp(largest - score) } else { 0.0 };
                for y in y.iter_mut() {
                    *y *= before;
                }
                (largest, sum) = (score, sum * before);
            }
            let weight = math::exp(score - largest);
            sum += weight;
            math::add_times(y, weight, head.of(x, j, 2));
        }
    }
    let share = if sum > 0.0 { 1.0 / sum } else { 0.0 };
    for y in y {
        *y *= share;
    }
    [largest, share]
}

/// For each token that one query may look at: its weight in the softmax, and the gradient of its dot
/// product with the query. Both are 0 for padding.
fn weigh<'a>(
    head: Head,
    x: &[f32],
    (token, reach): (usize, usize),
    padding: &[f32],
    ([largest, share], dy): ([f32; 2], &[f32]),
    scratch: &'a mut [f32],
) -> &'a [[f32; 2]] {
    let (q, scale) = (head.of(x, token, 0), head.scale());
    let weights = scratch.as_chunks_mut::<2>().0;
    let (weights, _) = weights.split_at_mut(reach.min(weights.len()));
    let mut mean = 0.0;
    for (four, weights) in weights.chunks_mut(4).enumerate() {
        let scores = head.dots(x, 4 * four, 1, q);
        let gradients = head.dots(x, 4 * four, 2, dy);
        for ((j, weight), (score, gradient)) in
            (4 * four..).zip(weights).zip(scores.into_iter().zip(gradients))
        {
            *weight = [0.0; 2];
            if is_there(padding, j) {
                let share = math::exp(score * scale - largest) * share;
                mean += share * gradient;
                *weight = [share, gradient];
            }
        }
    }
    for [share, gradient] in weights.iter_mut() {
        *gradient = *share * (*gradient - mean) * scale;
    }
    weights
}

/// Adds to the gradients of a query and of the keys and values that it looks at.
fn hand_down(
    head: Head,
    (x, dx): (&[f32], &mut [f32]),
    token: usize,
    dy: &[f32],
    weights: &[[f32; 2]],
) {
    let q = head.of(x, token, 0);
    let looked_at = weights.iter().enumerate().filter(|(_, [share, _])| *share != 0.0);
    for (j, &[share, gradient]) in looked_at {
        math::add_times(head.of_mut(dx, token, 0), gradient, head.of(x, j, 1));
        math::add_times(head.of_mut(dx, j, 1), gradient, q);
        math::add_times(head.of_mut(dx, j, 2), share, dy);
    }
}
