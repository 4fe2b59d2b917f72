//! Rows of the table in parallel: those whose tokens came move by their sums, and the stretches between
//! them by zeros, as many numbers at a time as there are.

use super::Embedding;
use super::portable::List;
use crate::layer::host::{Host, Moving, on_weights, share};
use crate::layer::{Backward, Forward};
use crate::math;
use crate::math::vector::vectors;
use crate::update::Move;
use rayon::prelude::*;

/// Numbers of a row that are summed at a time.
const TILE: usize = 64;

impl Embedding {
    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>) {
        let Forward { input, output, x, second, w, y, chance, .. } = io;
        let (width, run) = (self.width.max(1) as usize, share(x.len()));
        y.par_chunks_mut(run * width).zip(x.par_chunks(run)).for_each(|(y, x)| {
            self.forward(Forward { input, output, x, second, w, saved: &mut [], y, chance });
        });
    }

    pub(in crate::layer) fn backward_host<M: Move>(&self, io: Backward<'_, M>, host: &Host<'_>) {
        let Backward { x, saved, dy, weights, .. } = io;
        if !weights.trained {
            return;
        }
        let width = self.width.max(1) as usize;
        let (next, first) = saved.split_at_mut(saved.len().saturating_sub(self.count as usize));
        self.chain(x, next, first);
        let (first, next) = (&*first, &*next);
        let (matrix, moving) = (weights.moves.matrix, host.moving());
        let run = share(self.count as usize) * width;
        on_weights::<M>((weights.w, weights.state, &mut []), (run, 0), &|at, (w, state, _)| {
            let rows = first.get(at / width..).unwrap_or_default();
            move_rows(moving, matrix, (w, state), (rows, next), (dy, width));
        });
    }
}

/// Moves some rows of the table, the first places of whose tokens are `first`.
fn move_rows<M: Move>(
    moving: Moving<'_>,
    how: M,
    (w, state): (&mut [f32], &mut [f32]),
    (first, next): (&[f32], &[f32]),
    (dy, width): (&[f32], usize),
) {
    let (mut w, mut state) = (w, state);
    let mut first = first.iter().take(w.len() / width).copied();
    loop {
        let idle = first.clone().take_while(|first| first.to_bits() == 0).count();
        let (still, rest) = w.split_at_mut(idle * width);
        let (kept, rest_state) = state.split_at_mut(idle * width * M::STATE);
        vectors(
            moving.arch,
            #[inline(always)]
            || how.apply_zeros(still, kept),
        );
        let Some(place) = first.nth(idle) else { return };
        let list = List { place: place.to_bits(), next };
        let (row, rest) = rest.split_at_mut(width);
        let (own, rest_state) = rest_state.split_at_mut(width * M::STATE);
        for (at, row) in (0..width).step_by(TILE).zip(row.chunks_mut(TILE)) {
            let mut sums = [0.0; TILE];
            let sums = sums.get_mut(..row.len()).unwrap_or_default();
            for place in list {
                math::add(sums, math::run(dy, place * width + at, sums.len()).unwrap_or_default());
            }
            let own = own.get_mut(at * M::STATE..(at + row.len()) * M::STATE).unwrap_or_default();
            moving.apply(how, row, own, sums);
        }
        (w, state) = (rest, rest_state);
    }
}
