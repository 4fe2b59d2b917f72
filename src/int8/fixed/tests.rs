use super::*;
use proptest::prelude::*;

/// n / 2^`by`, half up.
fn half_up(n: i128, by: u32) -> i128 {
    (2 * n + (1 << by)).div_euclid(1 << (by + 1))
}

/// n / 2^`by`, half away from zero.
fn half_away(n: i128, by: u32) -> i128 {
    n.signum() * half_up(n.abs(), by)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_product_is_rounded_twice(x: i32, mantissa in 1_i32 << 30..=i32::MAX, shift in -31_i8..=0) {
        let high = half_up(i128::from(x) * i128::from(mantissa), 31);
        let want = half_away(high, -i32::from(shift) as u32);
        prop_assert_eq!(i128::from(Multiplier { mantissa, shift }.times(x)), want);
    }

    #[test]
    fn what_is_larger_than_one_is_shifted_first(x in -9_999_i32..9_999, mantissa in 1_i32 << 30..=i32::MAX, shift in 1_i8..17) {
        let want = half_up((i128::from(x) << shift) * i128::from(mantissa), 31);
        prop_assert_eq!(i128::from(Multiplier { mantissa, shift }.times(x)), want);
    }

    #[test]
    fn the_steps_of_a_product_are_those_of_gemmlowp(a: i32, b: i32, by in 0_u32..31) {
        let want = half_up(i128::from(a) * i128::from(b), 31).min(i32::MAX.into());
        prop_assert_eq!(i128::from(doubling_high(a, b)), want);
        prop_assert_eq!(i128::from(rounding_shift(a, by)), half_away(a.into(), by));
    }

    #[test]
    fn a_real_multiplier_is_met_to_31_bits(mantissa in 0.5_f64..1.0, down in 0_u32..31, up: bool) {
        let power = f64::from(1_u32 << down);
        let real = if up { mantissa * power / 2.0 } else { mantissa / power };
        let near = Multiplier::of(real).real();
        prop_assert!((near - real).abs() <= real / f64::from(1_u32 << 31), "{} {}", near, real);
    }

    #[test]
    fn an_exponential_and_a_reciprocal_are_near(x in -(1_i32 << 30)..=0, sum in 1_i32 << 19..i32::MAX) {
        // the polynomial of four powers errs by up to 4e-7 near −¼, as gemmlowp's does
        let (got, want) = (f64::from(exp(x)) / 2_147_483_648.0, libm::exp(f64::from(x) / 67_108_864.0));
        prop_assert!((got - want).abs() < 5e-7, "{} {}", got, want);
        let (got, shift) = reciprocal(sum);
        let got = f64::from(got) / 2_147_483_648.0 / libm::exp2(f64::from(shift));
        let want = 524_288.0 / f64::from(sum);
        prop_assert!((got - want).abs() <= want * 2e-8, "{} {}", got, want);
    }
}

#[test]
fn the_ends_of_multipliers() {
    assert_eq!(Multiplier::of(1.0), Multiplier { mantissa: 1 << 30, shift: 1 });
    assert_eq!(Multiplier::of(0.5), Multiplier { mantissa: 1 << 30, shift: 0 });
    // the mantissa rounds up to 1, which is ½ of the next power
    assert_eq!(Multiplier::of(1.0 - 1e-12), Multiplier { mantissa: 1 << 30, shift: 1 });
    let least = 1.0 / 4_294_967_296.0;
    assert_eq!(Multiplier::of(least), Multiplier { mantissa: 1 << 30, shift: -31 });
    for none in [0.0, least / 2.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
        assert_eq!(Multiplier::of(none), Multiplier::ZERO, "{none}");
    }
    assert_eq!(doubling_high(i32::MIN, i32::MIN), i32::MAX);
    assert_eq!((rounding_shift(-1, 1), rounding_shift(1, 1), rounding_shift(-3, 1)), (-1, 1, -2));
    assert_eq!((rounding_shift(i32::MIN, 31), rounding_shift(i32::MAX, 31)), (-1, 1));
}
