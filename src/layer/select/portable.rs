use super::Select;
use crate::layer::{Backward, Forward};
use crate::math;

impl Select {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.input.channels.max(1) as usize;
        let at = self.pixel as usize * channels;
        let examples = io.x.chunks_exact(io.input.size().max(1));
        for (x, y) in examples.zip(io.y.chunks_exact_mut(channels)) {
            math::copy(y, math::run(x, at, channels).unwrap_or_default());
        }
    }

    /// dx[p] += dy.
    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let channels = io.input.channels.max(1) as usize;
        let at = self.pixel as usize * channels;
        let examples = io.dx.chunks_exact_mut(io.input.size().max(1));
        for (dx, dy) in examples.zip(io.dy.chunks_exact(channels)) {
            math::add(dx.get_mut(at..).unwrap_or_default(), dy);
        }
    }
}
