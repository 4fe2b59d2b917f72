//! Recurrent layers on the host: runs of examples in parallel, each of which walks along its tokens. What
//! the inputs lead to, W x + b, is one product for all tokens of a run where it is kept; what the states
//! lead to, U h + c, is one for all examples of a run at each token; the units go on in vectors. Backward
//! walks the same runs from the last token, and then the weights move by sums over all tokens of the batch.

use super::{Cell, Curves, Line, Unit};
use crate::layer::dense::{Sides, descend, pack, scratch};
use crate::layer::examples::parts;
use crate::layer::host::{Host, share};
use crate::layer::product::{Left, Product, Right, Start, room};
use crate::layer::{Backward, Forward, Gru, Lstm, Rnn};
use crate::math::vector::{self, vectors};
use crate::shape::Shape;
use crate::update::Move;
use core::sync::atomic::Ordering;
use pulp::Arch;
use rayon::prelude::*;

/// Units that go on at a time.
const LANES: usize = 16;

/// Examples of a run: whole tiles of a product.
const fn run(count: usize) -> usize {
    share(count).next_multiple_of(6)
}

/// Functions of which the compiler computes a vector at once.
struct Abreast;

impl Curves for Abreast {
    #[inline(always)]
    fn sigmoid(x: f32) -> f32 {
        vector::sigmoid(x)
    }

    #[inline(always)]
    fn tanh(x: f32) -> f32 {
        vector::tanh(x)
    }
}

/// Units from index `at` on; zeros, where there are none.
#[inline(always)]
fn load(numbers: &[f32], at: usize, count: usize) -> [f32; LANES] {
    let numbers = numbers.get(at..).unwrap_or_default();
    match (count, numbers.first_chunk()) {
        (LANES, Some(all)) => *all,
        _ => {
            let mut units = [0.0; LANES];
            for (unit, number) in units.iter_mut().zip(numbers).take(count) {
                *unit = *number;
            }
            units
        }
    }
}

/// Writes `count` units, where there is room for them.
#[inline(always)]
fn store(numbers: &mut [f32], at: usize, count: usize, units: &[f32; LANES]) {
    let numbers = numbers.get_mut(at..).unwrap_or_default();
    match (count, numbers.first_chunk_mut()) {
        (LANES, Some(all)) => *all = *units,
        _ => {
            for (number, unit) in numbers.iter_mut().zip(units).take(count) {
                *number = *unit;
            }
        }
    }
}

/// What the runs of a forward pass share: W and U, packed, and their biases.
struct Ahead<'a> {
    line: Line,
    arch: Arch,
    w: &'a [f32],
    u: &'a [f32],
    b: &'a [f32],
    c: &'a [f32],
}

impl Ahead<'_> {
    /// All tokens of some examples. Where nothing is kept, `kept` is empty.
    fn walk<C: Cell<G, K>, const G: usize, const K: usize>(
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
            for slot in 0..K {
                kept[slot][lane] = keep[slot];
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

/// What the runs of a backward pass share: W, and U gate by gate, packed.
struct Back<'a> {
    line: Line,
    arch: Arch,
    w: &'a [f32],
    u: &'a [f32],
    start: Start<'a>,
}

impl Back<'_> {
    /// Back through all tokens of some examples: gradients of what the gates took in take the place of
    /// what was kept. False, where they are too large to compute with.
    fn walk<C: Cell<G, K>, const G: usize, const K: usize>(
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
const fn room_of_gate(hidden: usize) -> usize {
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
            for slot in 0..K {
                kept[slot][lane] = way.kept[slot];
            }
        }
        store(dh, unit, count, &states);
        store(d_memory, unit, count, &memories);
        for (slot, kept) in kept.iter().enumerate() {
            store(records, at + slot * hidden + unit, count, kept);
        }
    }
}

impl Line {
    /// Numbers of scratch: packed matrices and the room of all runs, or that of the weights' gradients.
    fn host_scratch(&self, gates: usize, batch: usize) -> usize {
        let Self { inp, hidden, .. } = *self;
        let (rows, examples) = (gates * hidden, batch + run(batch));
        let ahead = room(inp, rows) + room(hidden, rows) + examples * (2 * rows + hidden);
        let back = room(rows, inp) + gates * room_of_gate(hidden) + examples * 2 * hidden;
        ahead.max(back).max(scratch(inp, rows)).max(scratch(hidden, rows))
    }

    fn forward_host<C: Cell<G, K> + Sync, const G: usize, const K: usize>(
        &self,
        io: Forward<'_>,
        host: &mut Host<'_>,
    ) {
        let Self { tokens, inp, hidden, .. } = *self;
        let (rows, record, arch) = (G * hidden, (K + 1) * hidden, host.arch);
        let Some([w, u, b, c]) = self.parts(io.w, G) else { return };
        let Forward { x, saved, y, .. } = io;
        let (count, turned) = (y.len() / (tokens * hidden), true);
        let run = run(count);
        let (for_input, rest) = host.scratch.split_at_mut(room(inp, rows));
        let (for_state, rooms) = rest.split_at_mut(room(hidden, rows));
        let w = pack(arch, Right { numbers: w, step: inp, turned }, (inp, rows), for_input);
        let u = pack(arch, Right { numbers: u, step: hidden, turned }, (hidden, rows), for_state);
        let ahead = Ahead { line: *self, arch, w, u, b, c };
        // a plan has room for more examples than may have come
        let kept = saved.get_mut(..count * tokens * record).unwrap_or_default();
        let runs = parts(y, count, run).zip(parts(kept, count, run));
        let runs = runs.zip(x.par_chunks(run * tokens * inp));
        let rooms = rooms.par_chunks_mut(run * (2 * rows + hidden));
        runs.zip(rooms).for_each(|(((y, kept), x), room)| {
            ahead.walk::<C, G, K>(x, y, kept, room);
        });
    }

    /// Where gradients grow too large to compute with, no weight moves, and the engine is told so.
    fn backward_host<C: Cell<G, K>, const G: usize, const K: usize, M: Move>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        let Self { tokens, inp, hidden, .. } = *self;
        let (rows, record, arch) = (G * hidden, (K + 1) * hidden, host.arch);
        let Backward { x, saved, dy, dx, weights, .. } = io;
        let Some([w, u, ..]) = self.parts(weights.w, G) else { return };
        let (count, turned) = (dy.len() / (tokens * hidden), false);
        let run = run(count);
        let (for_input, rest) = host.scratch.split_at_mut(room(rows, inp));
        let (for_state, rooms) = rest.split_at_mut(G * room_of_gate(hidden));
        if !dx.is_empty() {
            pack(arch, Right { numbers: w, step: inp, turned }, (rows, inp), for_input);
        }
        let gates = for_state.chunks_mut(room_of_gate(hidden)).zip(u.chunks(hidden * hidden));
        for (packed, numbers) in gates {
            pack(arch, Right { numbers, step: hidden, turned }, (hidden, hidden), packed);
        }
        let start = if host.fresh[0] { Start::Row(&[]) } else { Start::Add };
        let back = Back { line: *self, arch, w: for_input, u: for_state, start };
        let Some(records) = saved.get_mut(..count * tokens * record) else { return };
        let runs = parts(records, count, run).zip(parts(dx, count, run));
        let runs = runs.zip(dy.par_chunks(run * tokens * hidden));
        let rooms = rooms.par_chunks_mut(run * 2 * hidden);
        let diverged = host.diverged;
        runs.zip(rooms).for_each(|(((records, dx), dy), room)| {
            if !back.walk::<C, G, K>(records, dy, dx, room) {
                diverged.store(true, Ordering::Relaxed);
            }
        });
        if diverged.load(Ordering::Relaxed) || !weights.trained {
            return;
        }
        let (w, biases) = weights.w.split_at_mut(rows * (inp + hidden));
        let (state, b_state) = weights.state.split_at_mut(w.len() * M::STATE);
        let (w, u) = w.split_at_mut(rows * inp);
        let (w_state, u_state) = state.split_at_mut(w.len() * M::STATE);
        let (b, c) = biases.split_at_mut(rows);
        let (b_state, c_state) = b_state.split_at_mut(rows * M::STATE);
        let (dy, each) = ((&*records, record), hidden);
        let first: [usize; G] = core::array::from_fn(|gate| gate * hidden);
        let sides = Sides { x: (x, inp), inp, dy, each, columns: &first };
        descend(sides, (w, w_state), (b, b_state), weights.moves, host);
        let before = (records.get(K * hidden..).unwrap_or_default(), record);
        let columns = C::RECURRENT.map(|slot| slot * hidden);
        let sides = Sides { x: before, inp: hidden, dy, each, columns: &columns };
        descend(sides, (u, u_state), (c, c_state), weights.moves, host);
    }
}

/// Layers whose cells go through these kernels.
macro_rules! layers {
    ($($layer:ident)*) => {
        $(impl $layer {
            pub(in crate::layer) fn scratch(&self, x: Shape, batch: usize) -> usize {
                let line = Line::new(&x, self.hidden, self.reverse);
                line.host_scratch(Self::GATES as usize, batch)
            }

            pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
                let line = Line::new(io.input, self.hidden, self.reverse);
                line.forward_host::<Self, _, _>(io, host);
            }

            pub(in crate::layer) fn backward_host<M: Move>(
                &self,
                io: Backward<'_, M>,
                host: &mut Host<'_>,
            ) {
                let line = Line::new(io.input, self.hidden, self.reverse);
                line.backward_host::<Self, _, _, M>(io, host);
            }
        })*
    };
}

layers! { Rnn Gru Lstm }
