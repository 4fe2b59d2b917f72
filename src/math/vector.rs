//! Functions for the host engine, without a branch, so that the compiler computes a vector of them at once.
//! They agree with the library's own to the errors that are stated, which the tests measure.

use pulp::{Arch, Simd, WithSimd};

/// Calls `f`, compiled for the vectors of the processor, as long as `f` and all that it calls are
/// `#[inline(always)]`: the compiler takes what it does not inline for any processor. Loops are
/// `for` loops in it, since the loop within `for_each` is such a call.
#[inline(always)]
pub(crate) fn vectors(arch: Arch, f: impl FnMut()) {
    struct Vectors<F>(F);
    impl<F: FnMut()> WithSimd for Vectors<F> {
        type Output = ();

        // not by `FnOnce`, whose own function around the closure is not inlined
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            (self.0)();
        }
    }
    arch.dispatch(Vectors(f));
}

/// 1.5 · 2²³: adding and subtracting it rounds to a whole number.
const WHOLE: f32 = 12_582_912.0;

/// e to the power of `x`, to 2.4 · 10⁻⁷ relative; 0 below −87. NaN stays NaN.
///
/// x = n ln 2 + r with |r| ≤ ln 2 / 2; e^r by its series, 2ⁿ by its bits.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let within = if x > 88.0 { 88.0 } else { x };
    let within = if within < -87.0 { -87.0 } else { within };
    let shifted = within * core::f32::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    // ln 2 in two parts, the first of which has few bits, so that its product is exact
    let r = within - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for factor in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        sum = sum * r + factor;
    }
    let sum = sum * r * r + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let y = sum * power;
    if x < -87.0 { 0.0 } else { y }
}

/// 1 / (1 + e^−x), to 2 · 10⁻⁷ absolute.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, to 2 · 10⁻⁷ absolute.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let twice = 2.0 * x;
    1.0 - 2.0 / (1.0 + exp(twice))
}

/// The error function, to 6 · 10⁻⁷ absolute (Abramowitz & Stegun 1964, 7.1.26), where `power` is
/// e^(−x²).
#[inline(always)]
pub(crate) fn erf(x: f32, power: f32) -> f32 {
    let magnitude = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * magnitude);
    let mut sum = 1.061_405_4;
    for factor in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        sum = sum * t + factor;
    }
    let y = 1.0 - sum * t * power;
    if x < 0.0 { -y } else { y }
}

/// The largest number; NaN is not.
#[inline(always)]
pub(crate) fn largest(x: &[f32]) -> f32 {
    let (lanes, rest) = x.as_chunks::<16>();
    let mut most = [f32::NEG_INFINITY; 16];
    for lane in lanes {
        for (most, x) in most.iter_mut().zip(lane) {
            *most = if *x > *most { *x } else { *most };
        }
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            most[i] = if most[i + half] > most[i] { most[i + half] } else { most[i] };
        }
    }
    let mut largest = most[0];
    for x in rest {
        largest = if *x > largest { *x } else { largest };
    }
    largest
}

/// The sum of sixteen numbers, by halves.
#[inline(always)]
pub(crate) fn across(mut sums: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
    }
    sums[0]
}

/// Σ f(x), in sixteen sums abreast.
#[inline(always)]
pub(crate) fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (lanes, rest) = x.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for lane in lanes {
        for (sum, x) in sums.iter_mut().zip(lane) {
            *sum += f(*x);
        }
    }
    let mut total = across(sums);
    for x in rest {
        total += f(*x);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;

    /// The largest |a − b| / max(1, |b|) from −`end` to `end`.
    fn largest(end: f32, a: fn(f32) -> f32, b: fn(f32) -> f32) -> f32 {
        let steps = (-40_000..=40_000).map(|i| i as f32 / 40_000.0 * end);
        steps.map(|x| (a(x) - b(x)).abs() / b(x).abs().max(1.0)).fold(0.0, f32::max)
    }

    fn erf(x: f32) -> f32 {
        super::erf(x, exp(-x * x))
    }

    #[test]
    fn errors_are_as_stated() {
        let relative = |x: f32| (exp(x) / math::exp(x) - 1.0).abs();
        let worst = (-86_000..88_000).map(|i| relative(i as f32 / 1000.0)).fold(0.0, f32::max);
        assert!(worst < 2.4e-7, "{worst:e}");
        for (end, a, b, most) in [
            (30.0, sigmoid as fn(f32) -> f32, math::sigmoid as fn(f32) -> f32, 2e-7),
            (10.0, tanh, math::tanh, 2e-7),
            (6.0, erf, math::erf, 6e-7),
        ] {
            let worst = largest(end, a, b);
            assert!(worst < most, "{worst:e}");
        }
    }

    #[test]
    fn what_is_no_number_stays_none_and_the_ends_are_right() {
        assert!([exp, sigmoid, tanh, erf].iter().all(|f| f(f32::NAN).is_nan()));
        assert_eq!((exp(f32::NEG_INFINITY), exp(0.0), exp(-100.0)), (0.0, 1.0, 0.0));
        assert!(exp(f32::INFINITY) > 1e38);
        assert_eq!([tanh(-50.0), tanh(50.0), erf(-9.0), erf(9.0)], [-1.0, 1.0, -1.0, 1.0]);
    }
}
