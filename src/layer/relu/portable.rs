use super::Relu;
use crate::layer::{Backward, Forward};

impl Relu {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in io.y {
            *y = if *y <= 0.0 { 0.0 } else { *y }; // NaN stays NaN
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        for (dy, y) in io.dy.iter_mut().zip(io.y) {
            *dy = if *y > 0.0 { *dy } else { 0.0 };
        }
    }
}
