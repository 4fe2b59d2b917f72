use super::ScalarBias;
use crate::layer::{Backward, Forward};
use crate::update::Update;

impl ScalarBias {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let [b, ..] = io.w else { return };
        for y in io.y {
            *y += b;
        }
    }

    pub(in crate::layer) fn backward<U: Update>(&self, io: Backward<'_, U>) {
        let Backward { dy, mut weights, .. } = io;
        if weights.trained {
            weights.apply(0, 1, [dy.iter().sum()].into_iter());
        }
    }
}
