//! A fully connected layer, and a convolution of one tap, as products of matrices: y = x Wᵀ + b and
//! dx = dy W by runs of rows, with the weights packed once a pass; dW = dyᵀ x by runs of its rows, each
//! of which moves its weights while it is still near.

use super::Dense;
use crate::layer::host::{Host, on_weights, share};
use crate::layer::product::{self, DEPTH, Left, Pack, Product, Right, Start};
use crate::layer::{Backward, Forward};
use crate::math::vector::vectors;
use crate::update::{Move, Moves};
use pulp::Arch;
use rayon::prelude::*;

/// Numbers of a run of rows of dW, which should stay near the processor.
const NEAR: usize = 1 << 16;

/// Rows of a batch that are worth a stretch of the packed weights.
const FEWEST: usize = 32;

/// Multiplications that are worth a thread.
const WORTH: usize = 1 << 18;

/// What the gradient of some rows of W takes.
#[derive(Clone, Copy)]
struct Run {
    inp: usize,
    /// Rows of W.
    rows: usize,
}

impl Run {
    fn of(inp: usize, out: usize) -> Self {
        // a few tiles at least, or packing x is what takes the time
        let near = (NEAR / inp.max(1)).max(24);
        // two runs at least, in whole groups of eight rows
        Self { inp, rows: near.min(out.div_ceil(2).next_multiple_of(8)) }
    }

    /// Numbers: the gradients of the weights and of the biases, and a packed block of x.
    const fn room(self) -> usize {
        self.rows * (self.inp + 1) + product::room(DEPTH, product::WIDEST)
    }
}

/// Numbers of scratch: packed weights, or the room of all runs.
pub(in crate::layer) fn scratch(inp: usize, out: usize) -> usize {
    let run = Run::of(inp, out);
    let packed = product::room(inp, out).max(product::room(out, inp));
    packed.max(out.div_ceil(run.rows) * run.room())
}

/// Packs a matrix, blocks of its columns in parallel, and returns it.
pub(in crate::layer) fn pack<'a>(
    arch: Arch,
    b: Right<'_>,
    (depth, columns): (usize, usize),
    packed: &'a mut [f32],
) -> &'a [f32] {
    let wide = product::width(arch);
    let blocks = packed.par_chunks_mut((depth * wide).max(1)).take(columns.div_ceil(wide));
    blocks.enumerate().for_each(|(i, packed)| {
        let columns = i * wide..columns.min((i + 1) * wide);
        arch.dispatch(Pack { b, depth, columns, alpha: 1.0, packed });
    });
    packed
}

/// C = A B + start, where rows of A have `depth` numbers and those of C `columns`: runs of rows in
/// parallel.
fn rows(
    arch: Arch,
    a: &[f32],
    b: &[f32],
    (depth, columns): (usize, usize),
    c: &mut [f32],
    start: Start<'_>,
) {
    let all = c.len() / columns.max(1);
    let worth = WORTH.div_ceil((depth * columns).max(1));
    let run = share(all).max(FEWEST).max(worth);
    let runs = c.par_chunks_mut(run * columns).zip(a.par_chunks(run * depth));
    runs.for_each(|(c, a)| {
        let (rows, step) = (c.len() / columns, columns);
        let a = Left { numbers: a, step: depth, turned: false };
        arch.dispatch(Product { a, b, depth, rows, columns, start, c, step });
    });
}

/// y = x Wᵀ + b over rows of `inp` numbers.
pub(in crate::layer) fn forward_linear(
    (inp, out): (usize, usize),
    io: Forward<'_>,
    host: &mut Host<'_>,
) {
    let Forward { x, w, y, .. } = io;
    let Some((w, b)) = w.split_at_checked(inp * out) else { return };
    let w = Right { numbers: w, step: inp, turned: true };
    let packed = pack(host.arch, w, (inp, out), host.scratch);
    rows(host.arch, x, packed, (inp, out), y, Start::Row(b));
}

/// The backward pass of [`forward_linear`].
pub(in crate::layer) fn backward_linear<M: Move + Sync>(
    (inp, out, bias): (usize, usize, bool),
    io: Backward<'_, M>,
    host: &mut Host<'_>,
) {
    let Backward { x, dy, dx, weights, .. } = io;
    let (arch, dy) = (host.arch, &*dy);
    let Some((w, b)) = weights.w.split_at_mut_checked(inp * out) else { return };
    if !dx.is_empty() {
        let w = Right { numbers: w, step: inp, turned: false };
        let packed = pack(arch, w, (out, inp), host.scratch);
        let start = if host.fresh[0] { Start::Row(&[]) } else { Start::Add };
        rows(arch, dy, packed, (out, inp), dx, start);
    }
    if !weights.trained {
        return;
    }
    let Some((state, b_state)) = weights.state.split_at_mut_checked(inp * out * M::STATE) else {
        return;
    };
    let b = if bias { b } else { &mut [] };
    let sides = Sides { x: (x, inp), inp, dy: (dy, out), each: out, columns: &[0] };
    descend(sides, (w, state), (b, b_state), weights.moves, host);
}

/// What the gradient of a matrix [out, inp] and of its biases is summed from: dyᵀ x and Σ dy over rows of
/// both, which lie as many numbers apart as is said.
#[derive(Clone, Copy)]
pub(in crate::layer) struct Sides<'a> {
    pub x: (&'a [f32], usize),
    pub inp: usize,
    pub dy: (&'a [f32], usize),
    /// Rows of the matrix whose columns of dy lie beside each other, from each of `columns` on.
    pub each: usize,
    pub columns: &'a [usize],
}

/// Moves a matrix and its biases, if there are any, by their gradients: runs of rows of the matrix in
/// parallel.
pub(in crate::layer) fn descend<M: Move + Sync>(
    sides: Sides<'_>,
    (w, state): (&mut [f32], &mut [f32]),
    (b, b_state): (&mut [f32], &mut [f32]),
    moves: &Moves<M>,
    host: &mut Host<'_>,
) {
    let (inp, moving) = (sides.inp, host.moving());
    let run = Run::of(inp, w.len() / inp);
    let own = (run.rows * inp, run.room());
    on_weights::<M>((w, state, &mut *host.scratch), own, &|at, (w, state, room)| {
        let Some((g, room)) = room.split_at_mut_checked(w.len()) else { return };
        let Some((sums, panel)) = room.split_at_mut_checked(g.len() / inp) else { return };
        some_rows(moving.arch, sides, at / inp, (&mut *g, sums), panel);
        moving.apply(moves.matrix, w, state, g);
    });
    let runs = host.scratch.chunks(run.room()).zip(b.chunks_mut(run.rows));
    for (i, (room, b)) in runs.enumerate() {
        let first = i * run.rows * M::STATE;
        let state = b_state.get_mut(first..first + b.len() * M::STATE).unwrap_or_default();
        let sums = room.get(b.len() * inp..).and_then(|sums| sums.get(..b.len()));
        moving.apply(moves.vector, b, state, sums.unwrap_or_default());
    }
}

/// The gradients of the rows from `row` on.
fn some_rows(
    arch: Arch,
    sides: Sides<'_>,
    mut row: usize,
    (mut g, mut sums): (&mut [f32], &mut [f32]),
    panel: &mut [f32],
) {
    let Sides { x, inp, dy, each, columns } = sides;
    while !sums.is_empty() {
        let Some(column) = columns.get(row / each) else { return };
        let beside = sums.len().min(each - row % each);
        let dy = (dy.0.get(column + row % each..).unwrap_or_default(), dy.1);
        let (here, rest) = g.split_at_mut(beside * inp);
        let (sums_here, sums_rest) = sums.split_at_mut(beside);
        gradient(arch, (x.0, x.1, inp), dy, (here, sums_here), panel);
        (g, sums, row) = (rest, sums_rest, row + beside);
    }
}

/// The gradients of some rows of W and of their biases, [rows, inp] and [rows]; numbers of dy that belong
/// to them begin where `dy` does. The last row of x and of dy may end where nothing more counts.
fn gradient(
    arch: Arch,
    (x, step, inp): (&[f32], usize, usize),
    (dy, out): (&[f32], usize),
    (g, sums): (&mut [f32], &mut [f32]),
    panel: &mut [f32],
) {
    sums.fill(0.0);
    let wide = product::width(arch);
    let batch = x.chunks(DEPTH * step).zip(dy.chunks(DEPTH * out)).enumerate();
    for (i, (x, dy)) in batch {
        let depth = x.len().div_ceil(step);
        vectors(
            arch,
            #[inline(always)]
            || {
                for dy in dy.chunks(out) {
                    for (sum, dy) in sums.iter_mut().zip(dy) {
                        *sum += dy;
                    }
                }
            },
        );
        let start = if i == 0 { Start::Row(&[]) } else { Start::Add };
        for first in (0..inp).step_by(wide) {
            let columns = first..inp.min(first + wide);
            let b = Right { numbers: x, step, turned: false };
            let count = columns.len();
            arch.dispatch(Pack { b, depth, columns, alpha: 1.0, packed: panel });
            let (rows, c) = (sums.len(), g.get_mut(first..).unwrap_or_default());
            let a = Left { numbers: dy, step: out, turned: true };
            let (columns, step) = (count, inp);
            arch.dispatch(Product { a, b: panel, depth, rows, columns, start, c, step });
        }
    }
}

impl Dense {
    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        forward_linear((io.input.len(), self.out as usize), io, host);
    }

    pub(in crate::layer) fn backward_host<M: Move + Sync>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        backward_linear((io.input.len(), self.out as usize, self.bias), io, host);
    }
}
