use super::Multiplier;
use crate::layer::{Backward, Forward};
use crate::math;
use crate::update::Move;

impl Multiplier {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let [alpha, ..] = io.w else { return };
        for y in io.y {
            *y *= alpha;
        }
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let Backward { x, dy, mut weights, .. } = io;
        let [alpha, ..] = *weights.w else { return };
        let [begun] = weights.begun(0);
        let gradient = math::dot(begun, x, dy);
        for dy in dy {
            *dy *= alpha;
        }
        if weights.trained {
            weights.apply_scalar(gradient);
        }
    }
}
