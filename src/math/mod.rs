//! Arithmetic with one meaning: the functions that round alike on every processor.
//!
//! All of them come from `libm`, in software, on every target: the floating-point library of an
//! operating system may differ in the last bit from one machine to the next. With the feature
//! `micromath`, [`exp`] and [`ln`] are coarse and fast instead (largest errors measured: exp 0.24 %
//! relative, ln 0.12 absolute); a rule never uses those, and a run with them has other bits.

mod tile;

pub(crate) use tile::{add, all, copy, dot, dots, four_rows, outer, run, tiled, weigh, zero};

/// e to the power of `x`.
#[cfg(not(feature = "micromath"))]
pub fn exp(x: f32) -> f32 {
    libm::expf(x)
}

/// e to the power of `x`, coarsely (0.24 % off at worst).
#[cfg(feature = "micromath")]
pub fn exp(x: f32) -> f32 {
    micromath::F32Ext::exp(x)
}

/// The natural logarithm of `x`.
#[cfg(not(feature = "micromath"))]
pub fn ln(x: f32) -> f32 {
    libm::logf(x)
}

/// The natural logarithm of `x`, coarsely (0.12 off at worst).
#[cfg(feature = "micromath")]
pub fn ln(x: f32) -> f32 {
    micromath::F32Ext::ln(x)
}

/// The square root of `x`, correctly rounded.
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// The square root of `x`, correctly rounded.
pub(crate) fn sqrt_f64(x: f64) -> f64 {
    libm::sqrt(x)
}

/// The hyperbolic tangent of `x`.
pub fn tanh(x: f32) -> f32 {
    libm::tanhf(x)
}

/// The logistic function, 1 / (1 + e⁻ˣ).
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function, 2/√π ∫₀ˣ e⁻ᵗ² dt.
pub fn erf(x: f32) -> f32 {
    libm::erff(x)
}
