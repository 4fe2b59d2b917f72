//! Backward, no gradient of the table lies in memory: the places of each token are chained in a
//! list, and one pass over the table then moves each row once, by the sum over its list.

use super::Embedding;
use crate::layer::{Backward, Forward};
use crate::math;
use crate::update::Move;

/// The places of one token in a batch, in ascending order. A place is counted from 1 and held in the
/// bits of an f32; 0 ends a list.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub place: u32,
    pub next: &'a [f32],
}

impl Iterator for List<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = (self.place as usize).checked_sub(1)?;
        self.place = self.next.get(place)?.to_bits();
        Some(place)
    }
}

impl Embedding {
    /// The row of a token, if it is one.
    fn row(&self, token: f32) -> Option<usize> {
        let row = token as u32;
        (row < self.count && row as f32 == token).then_some(row as usize)
    }

    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let width = self.width.max(1) as usize;
        for (y, &token) in io.y.chunks_exact_mut(width).zip(io.x) {
            match self.row(token) {
                Some(0) if self.padding => y.fill(0.0),
                Some(row) => math::copy(y, math::run(io.w, row * width, width).unwrap_or_default()),
                None => y.fill(f32::NAN),
            }
        }
    }

    /// dE[r] = Σ dy[t] over the places t of token r; 0 for a token that did not come, and for
    /// padding.
    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let Backward { x, saved, dy, mut weights, .. } = io;
        if !weights.trained {
            return;
        }
        let width = self.width.max(1) as usize;
        let (next, first) = saved.split_at_mut(saved.len().saturating_sub(self.count as usize));
        self.chain(x, next, first);
        let tiles = math::tiled(width, 8);
        for (row, first) in first.iter().enumerate() {
            let (list, at) = (List { place: first.to_bits(), next }, row * width);
            if list.place == 0 {
                weights.apply_zeros(at, width);
                continue;
            }
            for i in (0..tiles).step_by(8) {
                let sums = sums::<8>(weights.begun(at + i), list, dy, width, i);
                weights.apply(at + i, 8, sums.into_iter());
            }
            for i in tiles..width {
                let sums = sums::<1>(weights.begun(at + i), list, dy, width, i);
                weights.apply(at + i, 1, sums.into_iter());
            }
        }
    }

    /// Chains the places of each token: `first[r]` becomes the first place of row r, and `next[t]` the
    /// place of the same token that follows on t.
    pub(super) fn chain(&self, x: &[f32], next: &mut [f32], first: &mut [f32]) {
        first.fill(f32::from_bits(0));
        for (place, (&token, next)) in x.iter().zip(next).enumerate().rev() {
            let row = self.row(token).filter(|&row| row > 0 || !self.padding);
            if let Some(first) = row.and_then(|row| first.get_mut(row)) {
                *next = core::mem::replace(first, f32::from_bits(place as u32 + 1));
            }
        }
    }
}

/// The sums of `T` columns, from column `at` on, over some rows of `width` numbers, on top of `sums`.
fn sums<const T: usize>(
    mut sums: [f32; T],
    rows: List<'_>,
    dy: &[f32],
    width: usize,
    at: usize,
) -> [f32; T] {
    for row in rows {
        math::add(&mut sums, math::run(dy, row * width + at, T).unwrap_or_default());
    }
    sums
}
