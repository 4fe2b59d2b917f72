use super::Positions;
use crate::layer::{Backward, Forward, bias};
use crate::math;
use crate::update::Move;

impl Positions {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in io.y.chunks_exact_mut(io.input.size().max(1)) {
            math::add(y, io.w);
        }
    }

    /// dP = Σ dy over the batch; dx = dy, where it lies.
    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let Backward { input, dy, mut weights, .. } = io;
        if weights.trained {
            bias::apply_table(dy, input.size(), input.size(), &mut weights);
        }
    }
}
