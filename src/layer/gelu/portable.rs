use super::Gelu;
use crate::layer::{Backward, Forward};
use crate::math;
use core::f32::consts::FRAC_1_SQRT_2;

/// 1 / √(2π).
const PEAK: f32 = 0.398_942_3;

/// Φ(x), the share of a normal distribution below x.
fn below(x: f32) -> f32 {
    0.5 * (1.0 + math::erf(x * FRAC_1_SQRT_2))
}

impl Gelu {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in io.y {
            *y *= below(*y);
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        for (dy, x) in io.dy.iter_mut().zip(io.x) {
            *dy *= below(*x) + x * PEAK * math::exp(-0.5 * x * x);
        }
    }
}
