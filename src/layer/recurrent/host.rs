//! Recurrent layers on the host: runs of examples in parallel, each of which walks along its tokens. What
//! the inputs lead to, W x + b, is one product for all tokens of a run where it is kept; what the states
//! lead to, U h + c, is one for all examples of a run at each token; the units go on in vectors. Backward
//! walks the same runs from the last token, and then the weights move by sums over all tokens of the batch.

mod ahead;
mod back;

use super::{Cell, Curves, Line};
use crate::layer::dense::{Sides, descend, pack, scratch};
use crate::layer::examples::parts;
use crate::layer::host::{Host, share};
use crate::layer::product::{Right, Start, room};
use crate::layer::{Backward, Forward, Gru, Lstm, Rnn};
use crate::math::vector;
use crate::shape::Shape;
use crate::update::Move;
use ahead::Ahead;
use back::{Back, room_of_gate};
use core::sync::atomic::Ordering;
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
