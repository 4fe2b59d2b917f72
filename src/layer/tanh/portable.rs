use super::Tanh;
use crate::layer::{Backward, Forward};
use crate::math;

impl Tanh {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in io.y {
            *y = math::tanh(*y);
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        for (dy, y) in io.dy.iter_mut().zip(io.y) {
            *dy *= 1.0 - y * y;
        }
    }
}
