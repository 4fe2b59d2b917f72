use super::GlobalAveragePool;
use crate::layer::{Backward, Forward};
use crate::math;

impl GlobalAveragePool {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let channels = io.output.size().max(1);
        let share = 1.0 / io.input.pixels() as f32;
        let examples = io.x.chunks_exact(io.input.size().max(1));
        for (x, y) in examples.zip(io.y.chunks_exact_mut(channels)) {
            y.fill(0.0);
            for x in x.chunks_exact(channels) {
                math::add(y, x);
            }
            for y in y {
                *y *= share;
            }
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let channels = io.output.size().max(1);
        let share = 1.0 / io.input.pixels() as f32;
        let examples = io.dx.chunks_exact_mut(io.input.size().max(1));
        for (dx, dy) in examples.zip(io.dy.chunks_exact(channels)) {
            for dx in dx.chunks_exact_mut(channels) {
                for (dx, dy) in dx.iter_mut().zip(dy) {
                    *dx += share * dy;
                }
            }
        }
    }
}
