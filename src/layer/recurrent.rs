//! What recurrent layers share: the walk along a line of tokens, and the way back through all of them.
//!
//! A [`Cell`] says how one unit goes on from what its gates take in, W x + b and U h + c, and how
//! gradients go back through that. For its backward pass a layer keeps a record of each token: `KEPT`
//! runs of `hidden` numbers that the cell wants to know, then the state before the token. On the way
//! back, the gradients of what the gates took in take the place of what the cell kept; they are
//! multiplied with inputs and states once, at the end, so that each weight moves by the sum over all
//! tokens of the batch.
//!
//! In inference nothing is kept. The state is then the output of the token before, and the memory of a
//! cell lies where the output of the last token will be: a unit's memory is last read when that output
//! is written.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod host;

use super::{Backward, Forward, Misfit, Part, PartKind, Weights, bias, matrix};
use crate::math;
use crate::rule::Dims;
use crate::shape::Shape;
use crate::update::Move;
use core::ops::Range;

/// One unit of a recurrent layer with `GATES` gates, which keeps `KEPT` numbers of each token.
pub(super) trait Cell<const GATES: usize, const KEPT: usize> {
    /// Which of the kept numbers is the memory, for a cell that has one beside its state.
    const MEMORY: Option<usize> = None;

    /// On the way back, which of the kept numbers becomes the gradient of each gate's U h + c. Those
    /// of W x + b are the first.
    const RECURRENT: [usize; GATES];

    /// The state after a token, and what is kept: from each gate's [W x + b, U h + c] and the state
    /// and the memory before.
    fn forward<F: Curves>(gates: [[f32; 2]; GATES], before: Unit) -> (f32, [f32; KEPT]);

    /// The way back, from the gradients of the state and of the memory after the token.
    fn back<F: Curves>(kept: [f32; KEPT], before: Unit, gradient: Unit) -> Way<KEPT>;
}

/// The functions that bend what a gate takes in, as an engine computes them.
pub(super) trait Curves {
    fn sigmoid(x: f32) -> f32;
    fn tanh(x: f32) -> f32;
}

/// The portable engine's.
struct Portable;

impl Curves for Portable {
    #[inline(always)]
    fn sigmoid(x: f32) -> f32 {
        math::sigmoid(x)
    }

    #[inline(always)]
    fn tanh(x: f32) -> f32 {
        math::tanh(x)
    }
}

/// The state and the memory of a unit, or the gradients of these.
#[derive(Clone, Copy, Default)]
pub(super) struct Unit {
    pub h: f32,
    pub memory: f32,
}

/// What [`Cell::back`] gives: gradients in place of what was kept, and those of state and memory before
/// the token, as far as they do not go through a gate.
pub(super) struct Way<const KEPT: usize> {
    pub kept: [f32; KEPT],
    pub before: Unit,
}

/// The sizes of a layer: W is `[gates · hidden, inp]`, U is `[gates · hidden, hidden]`.
#[derive(Clone, Copy)]
pub(super) struct Line {
    tokens: usize,
    inp: usize,
    hidden: usize,
    reverse: bool,
}

/// A state of `hidden` numbers for each token.
pub(super) const fn output(x: Shape, hidden: u32) -> Result<Shape, Misfit> {
    if hidden == 0 || x.channels == 0 {
        return Err(Misfit::Zero);
    }
    // so that no product overflows
    if hidden > 1 << 12 || x.channels > 1 << 14 {
        return Err(Misfit::TooLarge);
    }
    Ok(Shape::hwc(x.height, x.width, hidden))
}

/// W, U, and the bias of each. To a start, each gate is a matrix of its own.
pub(super) const fn part(x: Shape, hidden: u32, gates: u32, part: usize) -> Option<Part> {
    let out = gates * hidden;
    match part {
        0 => Part::new(Dims::new(out, x.channels, [1, 1], gates), PartKind::Weight),
        1 => Part::new(Dims::new(out, hidden, [1, 1], gates), PartKind::Weight),
        2 | 3 => Part::vector(out, PartKind::Bias),
        _ => None,
    }
}

/// Numbers that a layer saves: for each example, and once for a batch (gradients of states).
pub(super) const fn saved(x: Shape, hidden: u32, kept: usize) -> (usize, usize) {
    (x.pixels() * (kept + 1) * hidden as usize, 2 * hidden as usize)
}

impl Line {
    pub const fn new(x: &Shape, hidden: u32, reverse: bool) -> Self {
        Self { tokens: x.pixels(), inp: x.channels as usize, hidden: hidden as usize, reverse }
    }

    /// The place of the token that is read in a step.
    const fn token(&self, step: usize) -> usize {
        if self.reverse { self.tokens - 1 - step } else { step }
    }

    /// The matrices W and U, and the biases b and c.
    fn parts<'w>(&self, w: &'w [f32], gates: usize) -> Option<[&'w [f32]; 4]> {
        let rows = gates * self.hidden;
        let (input, rest) = w.split_at_checked(rows * self.inp)?;
        let (state, rest) = rest.split_at_checked(rows * self.hidden)?;
        let (b, c) = rest.split_at_checked(rows)?;
        Some([input, state, b, c])
    }

    pub fn forward<C: Cell<G, K>, const G: usize, const K: usize>(&self, io: Forward<'_>) {
        let Self { tokens, inp, hidden, .. } = *self;
        let record = (K + 1) * hidden;
        let Some(parts) = self.parts(io.w, G) else { return };
        let examples = io.x.chunks_exact((tokens * inp).max(1));
        let mut records = io.saved.chunks_exact_mut((tokens * record).max(1));
        for (x, y) in examples.zip(io.y.chunks_exact_mut((tokens * hidden).max(1))) {
            let kept = records.next().unwrap_or_default();
            for step in 0..tokens {
                let token = self.token(step);
                let Some(x) = math::run(x, token * inp, inp) else { return };
                let kept = kept.get_mut(token * record..).unwrap_or_default();
                self.read::<C, G, K>(step, parts, x, y, kept);
            }
        }
    }

    /// One token of one example: all units go on.
    #[inline(never)]
    fn read<C: Cell<G, K>, const G: usize, const K: usize>(
        &self,
        step: usize,
        parts: [&[f32]; 4],
        x: &[f32],
        y: &mut [f32],
        kept: &mut [f32],
    ) {
        let hidden = self.hidden;
        let at = self.token(step) * hidden;
        let last = self.token(self.tokens - 1) * hidden;
        let fours = math::tiled(hidden, 4);
        let mut j = 0;
        while j < hidden {
            let lanes = if j < fours { 4 } else { 1 };
            let h = match step.checked_sub(1) {
                Some(before) => math::run(y, self.token(before) * hidden, hidden),
                None => Some(&[][..]),
            };
            let Some(h) = h else { return };
            let gates: [_; G] = core::array::from_fn(|gate| {
                let row = gate * hidden + j;
                match lanes {
                    4 => four_sums(row, parts, x, h).unwrap_or_default(),
                    _ => one_sum(row, parts, x, h).map(|sum| [sum; 4]),
                }
            });
            for lane in 0..lanes {
                let unit = j + lane;
                let h = match step.checked_sub(1) {
                    Some(before) => y.get(self.token(before) * hidden + unit),
                    None => None,
                };
                let memory = if step > 0 { y.get(last + unit) } else { None };
                let [h, memory] = [h, memory].map(|number| number.copied().unwrap_or_default());
                let of_lane = |sums: [f32; 4]| sums.get(lane).copied().unwrap_or_default();
                let gates = gates.map(|gate| gate.map(of_lane));
                let (after, keep) = C::forward::<Portable>(gates, Unit { h, memory });
                if let Some(memory) = C::MEMORY {
                    put(y, last + unit, keep.get(memory).copied().unwrap_or_default());
                }
                put(y, at + unit, after);
                put(kept, K * hidden + unit, h);
                for (slot, number) in keep.into_iter().enumerate() {
                    put(kept, slot * hidden + unit, number);
                }
            }
            j += lanes;
        }
    }
}

/// Writes a number, where there is room for one.
#[inline(always)]
fn put(numbers: &mut [f32], at: usize, number: f32) {
    if let Some(there) = numbers.get_mut(at) {
        *there = number;
    }
}

/// W x + b and U h + c of four rows; h is empty before the first token.
#[inline(always)]
fn four_sums(row: usize, [w, u, b, c]: [&[f32]; 4], x: &[f32], h: &[f32]) -> Option<[[f32; 4]; 2]> {
    let bias = |bias: &[f32]| bias.get(row..)?.first_chunk::<4>().copied();
    let rows = math::four_rows(w, row * x.len(), x.len())?;
    let [input] = math::dots([bias(b)?], [x], rows);
    let mut state = bias(c)?;
    if !h.is_empty() {
        [state] = math::dots([state], [h], math::four_rows(u, row * h.len(), h.len())?);
    }
    Some([input, state])
}

/// W x + b and U h + c of one row.
#[inline(always)]
fn one_sum(row: usize, [w, u, b, c]: [&[f32]; 4], x: &[f32], h: &[f32]) -> [f32; 2] {
    [(w, b, x), (u, c, h)].map(|(matrix, bias, x)| {
        let bias = bias.get(row).copied().unwrap_or_default();
        math::dot(bias, x, math::run(matrix, row * x.len(), x.len()).unwrap_or_default())
    })
}

impl Line {
    /// The way back. Where gradients grow too large to compute with, no weight moves, and the gradient
    /// of the output becomes NaN to say so.
    pub fn backward<C: Cell<G, K>, const G: usize, const K: usize, M: Move>(
        &self,
        io: Backward<'_, M>,
    ) {
        let Self { tokens, inp, hidden, .. } = *self;
        let Backward { x, dy, dx, saved, mut weights, .. } = io;
        let record = (K + 1) * hidden;
        let examples = dy.len() / (tokens * hidden).max(1);
        let Some(parts) = self.parts(weights.w, G) else { return };
        let all = saved.len().saturating_sub(2 * hidden);
        let (records, scratch) = saved.split_at_mut(all);
        let Some(records) = records.get_mut(..examples * tokens * record) else { return };
        let mut dx = dx.chunks_exact_mut((tokens * inp).max(1));
        let kept = records.chunks_exact_mut((tokens * record).max(1));
        for (records, dy) in kept.zip(dy.chunks_exact((tokens * hidden).max(1))) {
            let dx = dx.next().unwrap_or_default();
            math::zero(scratch);
            for step in (0..tokens).rev() {
                self.go_back::<C, G, K>(step, parts, records, dy, scratch);
                let token = self.token(step);
                let dx = dx.get_mut(token * inp..).unwrap_or_default();
                let dx = dx.get_mut(..inp).unwrap_or_default();
                if let Some(gates) = math::run(records, token * record, G * hidden) {
                    matrix::back(gates, parts[0], dx);
                }
            }
        }
        if !math::tame(records) {
            put(dy, 0, f32::NAN);
        } else if weights.trained {
            self.apply::<C, G, K, M>(records, x, &mut weights);
        }
    }

    /// Back through one token: gradients take the place of what was kept, and `scratch` holds those
    /// of the states, then those of the memories, first after the token and then before it.
    fn go_back<C: Cell<G, K>, const G: usize, const K: usize>(
        &self,
        step: usize,
        [_, u, ..]: [&[f32]; 4],
        records: &mut [f32],
        dy: &[f32],
        scratch: &mut [f32],
    ) {
        let (hidden, record) = (self.hidden, (K + 1) * self.hidden);
        let at = self.token(step) * record;
        let before = step.checked_sub(1).map(|before| self.token(before) * record);
        let (dh, d_memory) = scratch.split_at_mut(hidden.min(scratch.len()));
        let dy = dy.get(self.token(step) * hidden..).unwrap_or_default();
        let units = dh.iter_mut().zip(d_memory).zip(dy).enumerate();
        for (unit, ((dh, d_memory), dy)) in units {
            let number = |at: usize| records.get(at).copied().unwrap_or_default();
            let kept = core::array::from_fn(|slot| number(at + slot * hidden + unit));
            let memory = match (C::MEMORY, before) {
                (Some(slot), Some(before)) => number(before + slot * hidden + unit),
                _ => 0.0,
            };
            let state = Unit { h: number(at + K * hidden + unit), memory };
            let way = C::back::<Portable>(kept, state, Unit { h: *dh + dy, memory: *d_memory });
            (*dh, *d_memory) = (way.before.h, way.before.memory);
            for (slot, number) in way.kept.into_iter().enumerate() {
                put(records, at + slot * hidden + unit, number);
            }
        }
        for (gate, slot) in C::RECURRENT.into_iter().enumerate() {
            let rows = math::run(u, gate * hidden * hidden, hidden * hidden);
            let gradient = math::run(records, at + slot * hidden, hidden);
            if let (Some(rows), Some(gradient), Some(_)) = (rows, gradient, before) {
                matrix::back(gradient, rows, dh);
            }
        }
    }

    /// W, U, b and c move by their gradients, summed over all tokens of the batch.
    fn apply<C: Cell<G, K>, const G: usize, const K: usize, M: Move>(
        &self,
        records: &[f32],
        x: &[f32],
        weights: &mut Weights<'_, M>,
    ) {
        let Self { inp, hidden, .. } = *self;
        let (rows, record) = (G * hidden, (K + 1) * hidden);
        let side = |slot: usize| Side { numbers: records, width: record, from: slot * hidden };
        let input = Side { numbers: x, width: inp, from: 0 };
        for gate in 0..G {
            product(side(gate), input, [hidden, inp], gate * hidden * inp, weights);
        }
        for (gate, slot) in C::RECURRENT.into_iter().enumerate() {
            let at = rows * inp + gate * hidden * hidden;
            product(side(slot), side(K), [hidden, hidden], at, weights);
        }
        let biases = rows * (inp + hidden);
        let slots = (0..G).chain(C::RECURRENT);
        for (i, slot) in slots.enumerate() {
            for unit in 0..hidden {
                let (at, column) = (biases + i * hidden + unit, slot * hidden + unit);
                let sums = bias::column_sums::<1>(weights.begun(at), records, record, column);
                weights.apply_vector(at, 1, sums.into_iter());
            }
        }
    }
}

/// One side of a product: rows of `width` numbers, of which those from `from` on count.
#[derive(Clone, Copy)]
struct Side<'a> {
    numbers: &'a [f32],
    width: usize,
    from: usize,
}

/// The matrix `[height, width]` at `at` moves by Σ g xᵀ over the rows of both sides.
#[inline(never)]
fn product<M: Move>(
    g: Side<'_>,
    x: Side<'_>,
    [height, width]: [usize; 2],
    at: usize,
    weights: &mut Weights<'_, M>,
) {
    let (rows, columns) = (math::tiled(height, 4), math::tiled(width, 4));
    tiles::<4, 4, M>(g, x, (0..rows, 0..columns), (at, width), weights);
    tiles::<4, 1, M>(g, x, (0..rows, columns..width), (at, width), weights);
    tiles::<1, 4, M>(g, x, (rows..height, 0..columns), (at, width), weights);
    tiles::<1, 1, M>(g, x, (rows..height, columns..width), (at, width), weights);
}

/// A part of the matrix, in tiles of R × T.
#[inline(always)]
fn tiles<const R: usize, const T: usize, M: Move>(
    g: Side<'_>,
    x: Side<'_>,
    (rows, columns): (Range<usize>, Range<usize>),
    (at, width): (usize, usize),
    weights: &mut Weights<'_, M>,
) {
    for row in rows.step_by(R) {
        for column in columns.clone().step_by(T) {
            let (g_at, x_at) = ((g.numbers, g.from + row), (x.numbers, x.from + column));
            let begun = |r| weights.begun(at + (row + r) * width + column);
            let begun: [[f32; T]; R] = core::array::from_fn(begun);
            let sums = math::outer(begun, g_at, x_at, (g.width, x.width));
            for (sums, row) in sums.into_iter().zip(row..) {
                weights.apply(at + row * width + column, T, sums.into_iter());
            }
        }
    }
}
