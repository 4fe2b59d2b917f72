use super::Sigmoid;
use crate::layer::{Backward, Forward};
use crate::math;

impl Sigmoid {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in io.y {
            *y = math::sigmoid(*y);
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        for (dy, y) in io.dy.iter_mut().zip(io.y) {
            *dy *= y * (1.0 - y);
        }
    }
}
