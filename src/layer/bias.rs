//! How a bias of one number an output moves, in a dense layer and in a convolution.

use super::Weights;
use crate::math;
use crate::update::Move;

/// b moves by the gradients, summed over rows of `out` numbers; b lies at `at`.
#[inline(never)]
pub(super) fn apply<M: Move>(dy: &[f32], at: usize, out: usize, weights: &mut Weights<'_, M>) {
    let fours = math::tiled(out, 4);
    for o in (0..fours).step_by(4) {
        weights.apply_vector(at + o, 4, column_sums::<4>(dy, out, o).into_iter());
    }
    for o in fours..out {
        weights.apply_vector(at + o, 1, column_sums::<1>(dy, out, o).into_iter());
    }
}

/// The sums of `T` columns, from column `at` on, of rows of `width` numbers.
#[inline(always)]
pub(super) fn column_sums<const T: usize>(rows: &[f32], width: usize, at: usize) -> [f32; T] {
    let mut sums = [0.0; T];
    for row in rows.chunks_exact(width.max(1)) {
        let Some(row) = row.get(at..).and_then(<[f32]>::first_chunk::<T>) else { break };
        math::add(&mut sums, row);
    }
    sums
}
