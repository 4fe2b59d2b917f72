use super::ScalarBias;
use crate::layer::{Backward, Forward};
use crate::update::Move;

impl ScalarBias {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let [b, ..] = io.w else { return };
        for y in io.y {
            *y += b;
        }
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let Backward { dy, mut weights, .. } = io;
        if weights.trained {
            let [begun] = weights.begun(0);
            weights.apply_scalar(dy.iter().fold(begun, |sum, dy| sum + dy));
        }
    }
}
