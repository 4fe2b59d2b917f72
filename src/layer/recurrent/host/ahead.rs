//! Some examples along all of their tokens.

use super::{Abreast, LANES, load, store};
use crate::layer::product::{Left, Product, Start};
use crate::layer::recurrent::{Cell, Line, Unit};
use crate::math::vector::vectors;
use pulp::Arch;

/// What the runs of a forward pass share: W and U, packed, and their biases.
pub(super) struct Ahead<'a> {
    pub line: Line,
    pub arch: Arch,
    pub w: &'a [f32],
    pub u: &'a [f32],
    pub b: &'a [f32],
    pub c: &'a [f32],
}

impl Ahead<'_> {
    /// All tokens of some examples. Where nothing is kept, `kept` is empty.
    pub fn walk<C: Cell<G, K>, const G: usize, const K: usize>(
        &self,
        x: &[f32],
        y: &mut [f32],
        kept: &mut [f32],
        room: &mut [f32],
    ) {
        let Self { line, arch, w, u, b, c } = *self;
        let Line { tokens, inp, hidden, .. } = line;
        let (rows, record) = (G * hidden, (K + 1) * hidden);
        let examples = y.len() / (tokens * hidden);
        let (inputs, room) = room.split_at_mut(examples * rows);
        let (states, room) = room.split_at_mut(examples * rows);
        let memories = room.get_mut(..examples * hidden).unwrap_or_default();
        memories.fill(0.0);
        let from_input = |a: Left<'_>, rows_of_x: usize, to: &mut [f32], step: usize| {
            let (start, columns) = (Start::Row(b), rows);
            let (depth, rows) = (inp, rows_of_x);
            arch.dispatch(Product { a, b: w, depth, rows, columns, start, c: to, step });
        };
        if !kept.is_empty() {
            let a = Left { numbers: x, step: inp, turned: false };
            from_input(a, examples * tokens, kept, record);
        }
        for step in 0..tokens {
            let token = line.token(step);
            if kept.is_empty() {
                let numbers = x.get(token * inp..).unwrap_or_default();
                let a = Left { numbers, step: tokens * inp, turned: false };
                from_input(a, examples, inputs, rows);
            }
            let before = step.checked_sub(1).map(|before| line.token(before) * hidden);
            if let Some(before) = before {
                let numbers = y.get(before..).unwrap_or_default();
                let a = Left { numbers, step: tokens * hidden, turned: false };
                let (b, start, c) = (u, Start::Row(c), &mut *states);
                let (depth, rows, columns, step) = (hidden, examples, rows, rows);
                arch.dispatch(Product { a, b, depth, rows, columns, start, c, step });
            } else {
                states.chunks_exact_mut(rows).for_each(|states| states.copy_from_slice(c));
            }
            vectors(
                arch,
                #[inline(always)]
                || {
                    let lines = y.chunks_exact_mut(tokens * hidden);
                    let gates = states.chunks_exact(rows).zip(memories.chunks_exact_mut(hidden));
                    for (i, (y, (states, memory))) in lines.zip(gates).enumerate() {
                        let record = if kept.is_empty() {
                            inputs.get_mut(i * rows..(i + 1) * rows)
                        } else {
                            let at = (i * tokens + token) * record;
                            kept.get_mut(at..at + record)
                        };
                        let record = record.unwrap_or_default();
                        go_on::<C, G, K>((record, states), y, (token * hidden, before), memory);
                    }
                },
            );
        }
    }
}

/// All units of one example go on by one token. The record begins with what the gates took in from the
/// input; what is kept takes its place, as far as there is room.
#[inline(always)]
fn go_on<C: Cell<G, K>, const G: usize, const K: usize>(
    (record, states): (&mut [f32], &[f32]),
    y: &mut [f32],
    (at, before): (usize, Option<usize>),
    memory: &mut [f32],
) {
    let hidden = memory.len();
    for unit in (0..hidden).step_by(LANES) {
        let count = LANES.min(hidden - unit);
        let mut gates = [[[0.0; LANES]; 2]; G];
        for (gate, [input, state]) in gates.iter_mut().enumerate() {
            *input = load(record, gate * hidden + unit, count);
            *state = load(states, gate * hidden + unit, count);
        }
        let h = match before {
            Some(before) => load(y, before + unit, count),
            None => [0.0; LANES],
        };
        let memories = load(memory, unit, count);
        let (mut after, mut kept) = ([0.0; LANES], [[0.0; LANES]; K]);
        for lane in 0..LANES {
            let mut of_lane = [[0.0; 2]; G];
            for gate in 0..G {
                of_lane[gate] = [gates[gate][0][lane], gates[gate][1][lane]];
            }
            let before = Unit { h: h[lane], memory: memories[lane] };
            let (state, keep) = C::forward::<Abreast>(of_lane, before);
            after[lane] = state;
            for (kept, number) in kept.iter_mut().zip(keep) {
                kept[lane] = number;
            }
        }
        store(y, at + unit, count, &after);
        for (slot, kept) in kept.iter().enumerate() {
            store(record, slot * hidden + unit, count, kept);
        }
        store(record, K * hidden + unit, count, &h);
        if let Some(slot) = C::MEMORY {
            store(memory, unit, count, &kept[slot]);
        }
    }
}
