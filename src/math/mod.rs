//! Arithmetic with one meaning: the functions that round alike on every processor.
//!
//! All of them come from `libm`, in software, on every target: the floating-point library of an
//! operating system may differ in the last bit from one machine to the next. With the feature
//! `micromath`, [`exp`] and [`ln`] are coarse and fast instead (largest errors measured: exp 0.24 %
//! relative, ln 0.12 absolute); a rule never uses those, and a run with them has other bits: [`NAME`] says
//! which they are. Its square root is 6 % off and it has no tanh, so that these stay `libm`'s.

mod tile;
#[cfg(feature = "std")]
pub(crate) mod vector;

pub(crate) use tile::{
    add, add_times, all, copy, dot, dots, four_rows, outer, run, tame, tiled, weigh, zero,
};

/// Where [`exp`] and [`ln`] come from, as whoever prints the fingerprint of trained weights says beside it: two
/// runs have the same bits only where this is the same.
pub const NAME: &str = if cfg!(feature = "micromath") { "micromath" } else { "libm" };

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

/// `x` as a whole number, halves away from 0; at most ±1,000, which is more than 8 bits hold.
#[inline]
pub(crate) fn round(x: f32) -> i32 {
    let x = x.clamp(-1e3, 1e3);
    let whole = x as i32;
    let rest = x - whole as f32;
    whole + (rest >= 0.5) as i32 - (rest <= -0.5) as i32
}

/// The square root of `x`, correctly rounded.
pub(crate) fn sqrt_f64(x: f64) -> f64 {
    libm::sqrt(x)
}

/// `x` to the power of a whole number, by repeated squaring.
pub(crate) fn power(mut x: f64, mut n: u64) -> f64 {
    let mut power = 1.0;
    while n > 0 {
        if n % 2 == 1 {
            power *= x;
        }
        x *= x;
        n /= 2;
    }
    power
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error over 100,000 numbers from `from` to `to`.
    fn worst(from: f32, to: f32, error: impl Fn(f32) -> f32) -> f32 {
        let step = (to - from) / 100_000.0;
        (0..=100_000).map(|i| error(from + i as f32 * step)).fold(0.0, f32::max)
    }

    #[test]
    fn powers_are_repeated_products() {
        for (x, n) in [(0.9, 0), (0.9, 1), (0.999, 20), (0.5, 1000), (-3.0, 7)] {
            let want = (0..n).fold(1.0, |product, _| product * x);
            assert!((power(x, n) - want).abs() <= 1e-13 * want.abs(), "{x}^{n}");
        }
        assert_eq!(power(0.999, u64::MAX), 0.0);
    }

    #[test]
    fn exp_and_ln_are_as_far_off_as_is_said() {
        let exp = worst(-20.0, 20.0, |x| (exp(x) / libm::expf(x) - 1.0).abs());
        let ln = worst(0.001, 100.0, |x| (ln(x) - libm::logf(x)).abs());
        if cfg!(feature = "micromath") {
            assert!(0.0 < exp && exp < 0.0025 && 0.0 < ln && ln < 0.12, "exp {exp}, ln {ln}");
        } else {
            assert_eq!((exp, ln), (0.0, 0.0));
        }
    }
}
