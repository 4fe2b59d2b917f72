//! A table that is added to all examples: runs of its numbers in parallel, each summed over the batch in
//! order.

use super::Positions;
use crate::layer::host::{Host, on_weights};
use crate::layer::{Backward, Weights};
use crate::math;
use crate::math::vector::vectors;
use crate::update::Move;

/// Numbers of a run, which stay near the processor.
const NEAR: usize = 2048;

/// Numbers of scratch for a table of `len` numbers.
pub(in crate::layer) const fn scratch(len: usize) -> usize {
    len.next_multiple_of(NEAR)
}

/// A table at the front of the weights moves by the gradients of its `len` numbers, summed over rows of
/// `width` numbers that begin with them.
pub(in crate::layer) fn move_table<M: Move>(
    dy: &[f32],
    (width, len): (usize, usize),
    weights: Weights<'_, M>,
    host: &mut Host<'_>,
) {
    let (moving, matrix) = (host.moving(), weights.moves.matrix);
    let w = weights.w.get_mut(..len).unwrap_or_default();
    let all = (w, weights.state, &mut *host.scratch);
    on_weights::<M>(all, (NEAR, NEAR), &|at, (w, state, room)| {
        let sums = room.get_mut(..w.len()).unwrap_or_default();
        sums.fill(0.0);
        vectors(
            moving.arch,
            #[inline(always)]
            || {
                for dy in dy.chunks_exact(width) {
                    math::add(sums, math::run(dy, at, sums.len()).unwrap_or_default());
                }
            },
        );
        moving.apply(matrix, w, state, sums);
    });
}

impl Positions {
    pub(in crate::layer) fn backward_host<M: Move>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        let Backward { input, dy, weights, .. } = io;
        if weights.trained {
            move_table(dy, (input.size(), input.size()), weights, host);
        }
    }
}
