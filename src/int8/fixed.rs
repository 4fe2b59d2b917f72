//! Numbers of fixed point, as gemmlowp and TensorFlow Lite's reference kernels compute with them.
//!
//! A real multiplier is kept as a mantissa of 31 bits and a power of two. To multiply by it rounds twice:
//! once where the upper half of the product is taken, once where it is shifted to the right. TensorFlow
//! Lite's kernels do the same by default, and its specification of quantisation asks for no less than
//! these bits from whoever wants to agree with them.

/// A real number, `mantissa` · 2^(`shift` − 31), by which a sum is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Multiplier {
    /// From 2³⁰ to 2³¹ − 1; 0 for the number 0.
    pub mantissa: i32,
    /// The power of two: from −31 to 30.
    pub shift: i8,
}

impl Multiplier {
    /// The number 0.
    pub const ZERO: Self = Self { mantissa: 0, shift: 0 };

    /// The multiplier next to a real number from 0 to 2³⁰ (`QuantizeMultiplier`). A number below 2⁻³²
    /// is 0, and what is no such number is 0 too.
    pub const fn of(real: f64) -> Self {
        let bits = real.to_bits();
        let exponent = (bits >> 52) as i32;
        // 0, negative, not finite; or so small that it is taken for 0 in any case
        if exponent < 1023 - 40 || exponent > 1023 + 30 {
            return Self::ZERO;
        }
        // real = 0.1… · 2^shift; its first 31 bits, and what lies behind them rounded half up
        let mut shift = exponent - 1022;
        let fraction = bits & ((1 << 52) - 1) | 1 << 52;
        let mut mantissa = (fraction + (1 << 21)) >> 22;
        if mantissa == 1 << 31 {
            (mantissa, shift) = (1 << 30, shift + 1);
        }
        if shift < -31 || shift > 30 {
            return Self::ZERO;
        }
        Self { mantissa: mantissa as i32, shift: shift as i8 }
    }

    /// The number itself.
    pub const fn real(self) -> f64 {
        // 2^(shift − 31), by its bits
        let power = f64::from_bits(((1023 + self.shift as i64 - 31) as u64) << 52);
        self.mantissa as f64 * power
    }

    /// `x` times the number, rounded twice (`MultiplyByQuantizedMultiplier`).
    #[inline(always)]
    pub const fn times(self, x: i32) -> i32 {
        let shift = self.shift as i32;
        if shift < 0 {
            // `rounding_shift`, for a shift that is not 0 and a product that is not the least number
            let high = self.high(x);
            let half = high.wrapping_add(high >> 31).wrapping_shr(!shift as u32);
            (half >> 1) + (half & 1)
        } else {
            // what does not fit wraps around, as it does there
            self.high(x.wrapping_shl(shift as u32))
        }
    }

    /// [`doubling_high`] for a mantissa, which is not the least number.
    #[inline(always)]
    const fn high(self, x: i32) -> i32 {
        ((x as i64 * self.mantissa as i64 + (1 << 30)) >> 31) as i32
    }
}

/// a · b / 2³¹, half up; the one product that does not fit is the largest number
/// (`SaturatingRoundingDoublingHighMul`).
#[inline(always)]
pub(super) const fn doubling_high(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    ((a as i64 * b as i64 + (1 << 30)) >> 31) as i32
}

/// x / 2^`by`, half away from zero, for `by` from 0 to 31 (`RoundingDivideByPOT`).
#[inline(always)]
pub(super) const fn rounding_shift(x: i32, by: u32) -> i32 {
    let mask = (1_i32.wrapping_shl(by)).wrapping_sub(1);
    let rest = x & mask;
    // the mask of 31 bits is the largest number, and its half is right too
    let threshold = (mask >> 1) + (x < 0) as i32;
    x.wrapping_shr(by) + (rest > threshold) as i32
}

/// x · 2^`by`, held at the ends (`SaturatingRoundingMultiplyByPOT` with a positive power).
const fn saturating_shift(x: i32, by: u32) -> i32 {
    let wide = (x as i64) << by;
    if wide > i32::MAX as i64 {
        i32::MAX
    } else if wide < i32::MIN as i64 {
        i32::MIN
    } else {
        wide as i32
    }
}

/// eˣ for x ≤ 0 with 26 bits behind the point; the result has 31 (gemmlowp's `exp_on_negative_values`
/// with 5 bits before the point).
pub(super) const fn exp(x: i32) -> i32 {
    if x == 0 {
        return i32::MAX;
    }
    const QUARTER: i32 = 1 << 24;
    let within = (x & (QUARTER - 1)) - QUARTER;
    let mut result = exp_of_quarter(saturating_shift(within, 5));
    let rest = within.wrapping_sub(x);
    // e^(−2^k) for k from −2 on, with 31 bits behind the point
    const FACTORS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    let (mut factors, mut bit): (&[i32], i32) = (&FACTORS, QUARTER);
    while let [factor, others @ ..] = factors {
        if rest & bit != 0 {
            result = doubling_high(result, *factor);
        }
        (factors, bit) = (others, bit << 1);
    }
    result
}

/// eˣ for x from −¼ to 0, both with 31 bits behind the point: a polynomial around −⅛.
const fn exp_of_quarter(x: i32) -> i32 {
    const AT_EIGHTH: i32 = 1_895_147_668; // e^(−1/8)
    const THIRD: i32 = 715_827_883;
    let x = x + (1 << 28);
    let x2 = doubling_high(x, x);
    let x3 = doubling_high(x2, x);
    let x4 = doubling_high(x2, x2);
    let sum = doubling_high(rounding_shift(x4, 2) + x3, THIRD) + x2;
    AT_EIGHTH + doubling_high(AT_EIGHTH, x + rounding_shift(sum, 1))
}

/// 1 / (1 + x) for x from 0 to 1, both with 31 bits behind the point: three steps of Newton's
/// (gemmlowp's `one_over_one_plus_x_for_x_in_0_1`).
const fn reciprocal_of_one_plus(x: i32) -> i32 {
    // with 29 bits behind the point
    const A: i32 = 1_515_870_810; // 48 / 17
    const B: i32 = -1_010_580_540; // −32 / 17
    let half = ((x as i64 + i32::MAX as i64 + 1) / 2) as i32;
    let mut y = A + doubling_high(half, B);
    let mut step = 0;
    while step < 3 {
        let rest = (1 << 29) - doubling_high(half, y);
        y += saturating_shift(doubling_high(y, rest), 2);
        step += 1;
    }
    saturating_shift(y, 1)
}

/// 2^`shift` / x in 31 bits behind the point, and the shift, for a positive x with 12 bits before the point
/// (`GetReciprocal`).
pub(super) const fn reciprocal(x: i32) -> (i32, i32) {
    let zeros = x.leading_zeros();
    let rest = (x as u32).wrapping_shl(zeros).wrapping_sub(1 << 31) as i32;
    (reciprocal_of_one_plus(rest), 12 - zeros as i32)
}

#[cfg(test)]
mod tests;
