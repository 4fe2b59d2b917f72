use super::LeakyRelu;
use crate::layer::{Backward, Forward};

impl LeakyRelu {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in io.y {
            *y = if *y <= 0.0 { self.slope * *y } else { *y };
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        for (dy, y) in io.dy.iter_mut().zip(io.y) {
            *dy = if *y > 0.0 { *dy } else { self.slope * *dy };
        }
    }
}
