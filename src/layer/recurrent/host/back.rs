//! Some examples back through all of their tokens.

use super::{Abreast, LANES, load, store};
use crate::layer::product::{Left, Product, Start, room};
use crate::layer::recurrent::{Cell, Line, Unit};
use crate::math::vector::{self, vectors};
use pulp::Arch;

/// What the runs of a backward pass share: W, and U gate by gate, packed.
pub(super) struct Back<'a> {
    pub line: Line,
    pub arch: Arch,
    pub w: &'a [f32],
    pub u: &'a [f32],
    pub start: Start<'a>,
}

impl Back<'_> {
    /// Back through all tokens of some examples: gradients of what the gates took in take the place of
    /// what was kept. False, where they are too large to compute with.
    pub fn walk<C: Cell<G, K>, const G: usize, const K: usize>(
        &self,
        records: &mut [f32],
        dy: &[f32],
        dx: &mut [f32],
        room: &mut [f32],
    ) -> bool {
        let Self { line, arch, w, u, start } = *self;
        let Line { tokens, inp, hidden, .. } = line;
        let (rows, record) = (G * hidden, (K + 1) * hidden);
        let examples = dy.len() / (tokens * hidden);
        let (dh, room) = room.split_at_mut(examples * hidden);
        let d_memories = room.get_mut(..examples * hidden).unwrap_or_default();
        dh.fill(0.0);
        d_memories.fill(0.0);
        for step in (0..tokens).rev() {
            let token = line.token(step);
            let before = step.checked_sub(1).map(|before| line.token(before) * record);
            vectors(
                arch,
                #[inline(always)]
                || {
                    let lines = records.chunks_exact_mut(tokens * record);
                    let lines = lines.zip(dy.chunks_exact(tokens * hidden));
                    let ends = dh.chunks_exact_mut(hidden).zip(d_memories.chunks_exact_mut(hidden));
                    for ((records, dy), ends) in lines.zip(ends) {
                        let dy = dy.get(token * hidden..).unwrap_or_default();
                        go_back::<C, G, K>(records, (token * record, before), dy, ends);
                    }
                },
            );
            if before.is_none() {
                break;
            }
            for (slot, b) in C::RECURRENT.into_iter().zip(u.chunks(room_of_gate(hidden))) {
                let numbers = records.get(token * record + slot * hidden..).unwrap_or_default();
                let a = Left { numbers, step: tokens * record, turned: false };
                let (start, c, step) = (Start::Add, &mut *dh, hidden);
                let (depth, rows, columns) = (hidden, examples, hidden);
                arch.dispatch(Product { a, b, depth, rows, columns, start, c, step });
            }
        }
        if !dx.is_empty() {
            let a = Left { numbers: records, step: record, turned: false };
            let (b, depth, columns, c, step) = (w, rows, inp, dx, inp);
            let rows = examples * tokens;
            arch.dispatch(Product { a, b, depth, rows, columns, start, c, step });
        }
        let mut tame = false;
        vectors(
            arch,
            #[inline(always)]
            || {
                tame = vector::sum(
                    records,
                    #[inline(always)]
                    |x| x.abs(),
                ) < LARGEST
            },
        );
        tame
    }
}

/// The sum of magnitudes from which on no weight moves, as on the portable engine.
const LARGEST: f32 = 1e12;

/// Numbers that U of one gate, packed, needs.
pub(super) const fn room_of_gate(hidden: usize) -> usize {
    room(hidden, hidden)
}

/// All units of one example go back through one token; `dh` and `d_memory` hold the gradients after it,
/// and then those before it.
#[inline(always)]
fn go_back<C: Cell<G, K>, const G: usize, const K: usize>(
    records: &mut [f32],
    (at, before): (usize, Option<usize>),
    dy: &[f32],
    (dh, d_memory): (&mut [f32], &mut [f32]),
) {
    let hidden = dh.len();
    for unit in (0..hidden).step_by(LANES) {
        let count = LANES.min(hidden - unit);
        let mut kept = [[0.0; LANES]; K];
        for (slot, kept) in kept.iter_mut().enumerate() {
            *kept = load(records, at + slot * hidden + unit, count);
        }
        let h = load(records, at + K * hidden + unit, count);
        let memory = match (C::MEMORY, before) {
            (Some(slot), Some(before)) => load(records, before + slot * hidden + unit, count),
            _ => [0.0; LANES],
        };
        let dy = load(dy, unit, count);
        let (mut states, mut memories) = (load(dh, unit, count), load(d_memory, unit, count));
        for lane in 0..LANES {
            let mut of_lane = [0.0; K];
            for slot in 0..K {
                of_lane[slot] = kept[slot][lane];
            }
            let before = Unit { h: h[lane], memory: memory[lane] };
            let gradient = Unit { h: states[lane] + dy[lane], memory: memories[lane] };
            let way = C::back::<Abreast>(of_lane, before, gradient);
            (states[lane], memories[lane]) = (way.before.h, way.before.memory);
            for (kept, number) in kept.iter_mut().zip(way.kept) {
                kept[lane] = number;
            }
        }
        store(dh, unit, count, &states);
        store(d_memory, unit, count, &memories);
        for (slot, kept) in kept.iter().enumerate() {
            store(records, at + slot * hidden + unit, count, kept);
        }
    }
}
