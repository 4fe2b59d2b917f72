use super::Concat;
use crate::layer::{Backward, Forward};
use crate::math;

impl Concat {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let (first, both) = (io.input.channels.max(1) as usize, io.output.channels.max(1) as usize);
        let mut second = io.second.chunks_exact(both.saturating_sub(first).max(1));
        for (y, a) in io.y.chunks_exact_mut(both).zip(io.x.chunks_exact(first)) {
            let Some((y, behind)) = y.split_at_mut_checked(first) else { return };
            math::copy(y, a);
            math::copy(behind, second.next().unwrap_or_default());
        }
    }

    /// da[p] += dy[p][.. a]; db[p] += dy[p][a ..]. Either may be unwanted.
    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let (first, both) = (io.input.channels.max(1) as usize, io.output.channels.max(1) as usize);
        let dy = io.dy.chunks_exact(both);
        for (da, dy) in io.dx.chunks_exact_mut(first).zip(dy.clone()) {
            math::add(da, dy);
        }
        for (db, dy) in io.d_second.chunks_exact_mut(both.saturating_sub(first).max(1)).zip(dy) {
            math::add(db, dy.get(first..).unwrap_or_default());
        }
    }
}
