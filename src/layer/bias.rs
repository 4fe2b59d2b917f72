//! How weights move that are only added: a bias in a dense layer and in a convolution, a table whose rows
//! are added to pixels.

use super::Weights;
use crate::math;
use crate::update::Move;

/// b moves by the gradients, summed over rows of `out` numbers; b lies at `at`.
#[inline(never)]
pub(super) fn apply<M: Move>(dy: &[f32], at: usize, out: usize, weights: &mut Weights<'_, M>) {
    let fours = math::tiled(out, 4);
    for o in (0..fours).step_by(4) {
        let sums = column_sums::<4>(weights.begun(at + o), dy, out, o);
        weights.apply_vector(at + o, 4, sums.into_iter());
    }
    for o in fours..out {
        let sums = column_sums::<1>(weights.begun(at + o), dy, out, o);
        weights.apply_vector(at + o, 1, sums.into_iter());
    }
}

/// The bias that ends the weights of a layer moves, and the matrix or kernel before it stays: the state is
/// that of the bias.
pub(crate) fn apply_alone<M: Move>(dy: &[f32], out: usize, weights: Weights<'_, M>) {
    let Weights { w, state, moves, trained } = weights;
    let w = w.len().checked_sub(out).and_then(|at| w.get_mut(at..)).unwrap_or_default();
    apply(dy, 0, out, &mut Weights { w, state, moves, trained });
}

/// A table at the front of the weights moves by the gradients of its `len` numbers, summed over rows
/// of `width` numbers that begin with them.
pub(super) fn apply_table<M: Move>(
    dy: &[f32],
    width: usize,
    len: usize,
    weights: &mut Weights<'_, M>,
) {
    let tiles = math::tiled(len, 8);
    for i in (0..tiles).step_by(8) {
        let sums = column_sums::<8>(weights.begun(i), dy, width, i);
        weights.apply(i, 8, sums.into_iter());
    }
    for i in tiles..len {
        let sums = column_sums::<1>(weights.begun(i), dy, width, i);
        weights.apply(i, 1, sums.into_iter());
    }
}

/// The sums of `T` columns, from column `at` on, of rows of `width` numbers, on top of `sums`.
#[inline(always)]
pub(super) fn column_sums<const T: usize>(
    mut sums: [f32; T],
    rows: &[f32],
    width: usize,
    at: usize,
) -> [f32; T] {
    for row in rows.chunks_exact(width.max(1)) {
        let Some(row) = row.get(at..).and_then(<[f32]>::first_chunk::<T>) else { break };
        math::add(&mut sums, row);
    }
    sums
}
