//! What holds for every rule at any size: all ways to read a weight agree, rows keep the paper's
//! promises, draws keep their distribution, and sizes that cannot be are refused.
#![allow(clippy::disallowed_methods)] // a test may round as its machine does

use idinit::rule::{
    Dims, DimsError, Element, Exact, Fan, Fill, Key, LengthError, Order, Orthogonal, Random, Rule,
    Start, gain,
};
use proptest::prelude::*;

fn orders() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::SpatialMajor), Just(Order::ChannelMajor), Just(Order::Diagonal),]
}

fn exact() -> impl Strategy<Value = Exact> {
    (-4.0_f32..4.0, orders()).prop_flat_map(|(gain, order)| {
        prop_oneof![
            Just(Exact::Zero),
            Just(Exact::Constant { value: gain }),
            Just(Exact::Identity { gain, order }),
            Just(Exact::ZeroPreserving { eps: gain, order }),
            Just(Exact::Dirac { gain }),
            Just(Exact::DiracZero { eps: gain }),
            Just(Exact::Hadamard { gain }),
        ]
    })
}

fn keys() -> impl Strategy<Value = Key> {
    (any::<u64>(), any::<u32>()).prop_map(|(seed, tensor)| Key { seed, tensor })
}

fn random() -> impl Strategy<Value = Random> {
    (0.0_f32..2.0, orders(), keys()).prop_flat_map(|(std, order, key)| {
        prop_oneof![
            Just(Random::Uniform { bound: std, key }),
            Just(Random::Normal { std, key }),
            Just(Random::TruncatedNormal { std, key }),
            Just(Random::Loose { gain: 1.0, order, std, key }),
        ]
    })
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![exact().prop_map(Rule::from), random().prop_map(Rule::from)]
}

fn dims() -> impl Strategy<Value = Dims> {
    (1..6_u32, 1..9_u32, 1..5_u32, 1..5_u32, 1..4_u32)
        .prop_map(|(out, inp, kh, kw, groups)| Dims::new(out * groups, inp, [kh, kw], groups))
        .prop_map(Result::unwrap)
}

fn weights<S: Start>(rule: S, d: Dims) -> Vec<f32> {
    (0..d.len()).map(|i| rule.at(d, i)).collect()
}

/// A window from `start` on holds what `at` says, rounded to the element; nothing else is touched.
fn window<T: Element + PartialEq>(rule: Rule, d: Dims, start: usize, len: usize, unset: T) -> bool {
    let mut w = vec![unset; len];
    rule.fill_from(d, start, &mut w).unwrap();
    w.iter().enumerate().all(|(i, w)| *w == T::from_f32(rule.at(d, start + i)))
}

proptest! {
    #[test]
    fn every_way_to_read_a_weight_agrees(
        rule in rules(), d in dims(), cut in any::<prop::sample::Index>(),
        end in any::<prop::sample::Index>(),
    ) {
        let all = weights(rule, d);
        let bits = |w: &[f32]| w.iter().map(|w| w.to_bits()).collect::<Vec<_>>();

        let mut w = vec![f32::NAN; d.len()];
        rule.fill(d, &mut w).unwrap();
        prop_assert_eq!(bits(&w), bits(&all));

        let listed = all.iter().copied().enumerate().filter(|&(_, w)| w != 0.0);
        prop_assert!(rule.nonzeros(d).eq(listed.clone()));
        let start = cut.index(d.len());
        let len = end.index(d.len() - start + 1);
        let within = start..start + len;
        let part = listed.filter(|(i, _)| within.contains(i));
        prop_assert!(rule.nonzeros_in(d, within.clone()).eq(part));

        prop_assert!(window(rule, d, start, len, f32::NAN));
        let row = cut.index(d.out() as usize);
        let mut rows = vec![f32::NAN; (d.out() as usize - row).min(2) * d.row()];
        rule.fill_rows(d, row as u32, &mut rows).unwrap();
        prop_assert_eq!(bits(&rows), bits(&all[row * d.row()..][..rows.len()]));
    }

    #[cfg(feature = "half")]
    #[test]
    fn sixteen_bits_are_the_rounded_weights(
        rule in rules(), d in dims(), cut in any::<prop::sample::Index>(),
    ) {
        let start = cut.index(d.len());
        let len = d.len() - start;
        prop_assert!(window(rule, d, start, len, half::bf16::NAN));
        prop_assert!(window(rule, d, start, len, half::f16::NAN));
    }

    #[test]
    fn int8_of_an_exact_rule_is_exact(rule in exact(), d in dims()) {
        let mut q = vec![99; d.len()];
        let step = rule.fill_i8(d, 0, &mut q).unwrap();
        prop_assert!(q.iter().all(|q| (-1..=1).contains(q)));
        prop_assert!(q.iter().map(|&q| f32::from(q) * step).eq(weights(rule, d)));
    }

    #[test]
    fn int8_of_a_draw_is_within_half_a_step(
        rule in random(), d in dims(), cut in any::<prop::sample::Index>(),
    ) {
        let start = cut.index(d.len());
        let mut q = vec![99; d.len() - start];
        let step = rule.fill_i8(d, start, &mut q).unwrap();
        for (q, w) in q.iter().zip(&weights(rule, d)[start..]) {
            let off = (f32::from(*q) * step - w).abs();
            prop_assert!(off <= 0.5001 * step || q.abs() == 127, "{w} became {q} of {step}");
        }
    }

    #[test]
    fn a_row_of_the_identity_has_one_weight(gain in 0.1_f32..3.0, order in orders(), d in dims()) {
        for rule in [Exact::Identity { gain, order }, Exact::Dirac { gain }] {
            for row in weights(rule, d).chunks(d.row()) {
                prop_assert_eq!(row.iter().filter(|&&w| w == gain).count(), 1);
                prop_assert_eq!(row.iter().filter(|&&w| w != 0.0).count(), 1);
            }
        }
    }

    #[test]
    fn a_row_that_preserves_zero_sums_to_zero(
        eps in 1e-7_f32..1.0, order in orders(), d in dims(),
    ) {
        let dense = (Exact::ZeroPreserving { eps, order }, d.row());
        let centre = (Exact::DiracZero { eps }, d.inp() as usize);
        for (rule, inputs) in [dense, centre] {
            for row in weights(rule, d).chunks(d.row()) {
                let minus = row.iter().filter(|&&w| w == -eps).count();
                let plus = row.iter().filter(|&&w| w == eps).count();
                let sum: f32 = row.iter().sum();
                // One input alone cannot be taken from another: −ε keeps it alive.
                prop_assert_eq!((plus, minus), if inputs == 1 { (0, 1) } else { (1, 1) });
                prop_assert_eq!(sum, if inputs == 1 { -eps } else { 0.0 });
            }
        }
    }

    #[test]
    fn twins_part_when_loosened(inp in 1..40_u32, copies in 2..4_u32, key in keys()) {
        let d = Dims::dense(copies * inp, inp).unwrap();
        let order = Order::SpatialMajor;
        let exact = weights(Exact::Identity { gain: 1.0, order }, d);
        let loose = weights(Random::Loose { gain: 1.0, order, std: 1e-3, key }, d);
        let (first, second) = (d.len() / copies as usize, 2 * d.len() / copies as usize);
        prop_assert_eq!(&exact[..first], &exact[first..second]);
        prop_assert_ne!(&loose[..first], &loose[first..second]);
        prop_assert!(exact.iter().zip(&loose).all(|(e, l)| (e - l).abs() < 0.01));
    }

    #[test]
    fn uniform_stays_within_its_bound(bound in 1e-6_f32..1e6, key in keys(), i in any::<u32>()) {
        let d = Dims::dense(1 << 16, 1 << 17).unwrap();
        let w = Random::uniform(bound, key).at(d, i as usize);
        prop_assert!(-bound <= w && w < bound);
    }

    #[test]
    fn hostile_sizes_are_refused_not_believed(
        sizes in prop::array::uniform5(prop_oneof![
            Just(0), Just(1), Just(2), Just(3), Just(u32::MAX), Just(1 << 31), Just(1 << 15),
            any::<u32>(),
        ]),
        rule in rules(), i in prop_oneof![Just(0), Just(usize::MAX), any::<usize>()],
    ) {
        let [out, inp, kh, kw, groups] = sizes;
        if let Ok(d) = Dims::new(out, inp, [kh, kw], groups) {
            prop_assert!(d.len() <= isize::MAX as usize / 8);
            prop_assert!(rule.at(d, i) == 0.0 || i < d.len());
            let (last, mut w) = (d.len() - 1, [f32::NAN; 2]);
            rule.fill_from(d, last, &mut w[..1]).unwrap();
            prop_assert_eq!(w[0].to_bits(), rule.at(d, last).to_bits());
            let long = Err(LengthError { need: 1, got: 2 });
            prop_assert_eq!(rule.fill_from(d, last, &mut w), long);
            prop_assert!(rule.nonzeros_in(d, last..usize::MAX).count() <= 1);
            prop_assert!(rule.nonzeros_in(d, i.max(d.len())..usize::MAX).next().is_none());
        }
    }

    #[test]
    fn orthogonal_vectors_are(
        out in 1..24_u32, inp in 1..12_u32, taps in 1..4_u32, groups in 1..3_u32, key in keys(),
    ) {
        let d = Dims::new(out * groups, inp, [1, taps], groups).unwrap();
        let mut w = vec![f32::NAN; d.len()];
        Orthogonal { gain: 1.0, key }.fill_f32(d, &mut w).unwrap();
        for group in w.chunks(out as usize * d.row()) {
            prop_assert!(furthest_from_orthogonal(group, d.row()) < 1e-6);
        }
    }
}

/// max |V Vᵀ − I| over the rows of W, or its columns if they are fewer.
fn furthest_from_orthogonal(w: &[f32], row: usize) -> f64 {
    let out = w.len() / row;
    let (count, len) = (out.min(row), out.max(row));
    let entry =
        |v: usize, t: usize| f64::from(if out <= row { w[v * row + t] } else { w[t * row + v] });
    let dot = |a, b| (0..len).map(|t| entry(a, t) * entry(b, t)).sum::<f64>();
    let mut most = 0.0_f64;
    for a in 0..count {
        for b in 0..=a {
            most = most.max((dot(a, b) - if a == b { 1.0 } else { 0.0 }).abs());
        }
    }
    most
}

const KEY: Key = Key { seed: 2023, tensor: 5 };

/// Mean, variance and fourth moment over the squared variance, of a quarter of a million weights.
fn moments(rule: Random) -> [f64; 3] {
    let d = Dims::dense(512, 512).unwrap();
    let mut w = vec![0.0; d.len()];
    rule.fill(d, &mut w).unwrap();
    let mean = |power| w.iter().map(|&w| f64::from(w).powi(power)).sum::<f64>() / w.len() as f64;
    [mean(1), mean(2), mean(4) / (mean(2) * mean(2))]
}

fn near(got: [f64; 3], variance: f64, kurtosis: f64) {
    // Five deviations of each estimate.
    let [mean, second, fourth] = got;
    assert!(mean.abs() < 5.0 * (variance / 262_144.0).sqrt(), "mean {mean}");
    assert!((second / variance - 1.0).abs() < 0.014, "variance {second}, not {variance}");
    assert!((fourth - kurtosis).abs() < 0.05, "kurtosis {fourth}, not {kurtosis}");
}

#[test]
fn draws_have_the_moments_of_their_family() {
    near(moments(Random::uniform(1.0, KEY)), 1.0 / 3.0, 1.8);
    near(moments(Random::normal(0.5, KEY)), 0.25, 3.0);
    near(moments(Random::TruncatedNormal { std: 1.0, key: KEY }), 0.773_741, 2.365_537);
}

#[test]
fn baselines_have_the_variance_of_their_papers() {
    let d = Dims::new(512, 512, [1, 1], 1).unwrap();
    near(moments(Random::xavier_uniform(d, 1.0, KEY)), 1.0 / 512.0, 1.8);
    near(moments(Random::xavier_normal(d, 1.0, KEY)), 1.0 / 512.0, 3.0);
    near(moments(Random::kaiming_uniform(d, Fan::In, gain::RELU, KEY)), 2.0 / 512.0, 1.8);
    near(moments(Random::kaiming_normal(d, Fan::Out, gain::RELU, KEY)), 2.0 / 512.0, 3.0);
    near(moments(Random::lecun_uniform(d, KEY)), 1.0 / 512.0, 1.8);
    near(moments(Random::lecun_normal(d, KEY)), 1.0 / 512.0, 3.0);
    near(moments(Random::torch_default(d, KEY)), 1.0 / 3.0 / 512.0, 1.8);
}

#[test]
fn seeds_tensors_and_neighbours_are_uncorrelated() {
    let d = Dims::dense(256, 256).unwrap();
    let draw = |seed, tensor| weights(Random::normal(1.0, Key { seed, tensor }), d);
    let correlation = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>() / a.len() as f64
    };
    let base = draw(1, 1);
    for other in [draw(2, 1), draw(1, 2), draw(1 << 32, 1), draw(1 | 1 << 63, 1)] {
        assert!(correlation(&base, &other).abs() < 5.0 / 256.0);
    }
    for lag in 1..6 {
        assert!(correlation(&base[lag..], &base[..base.len() - lag]).abs() < 5.0 / 256.0);
    }
}

#[test]
fn uniform_draws_fill_every_bin() {
    let d = Dims::dense(1, 1 << 18).unwrap();
    let mut bins = [0_u32; 256];
    for w in weights(Random::uniform(128.0, KEY), d) {
        bins[(w + 128.0) as usize] += 1;
    }
    // χ² of 255 degrees of freedom: 255 ± 5 √510.
    let chi2: f64 = bins.iter().map(|&n| (f64::from(n) - 1024.0).powi(2) / 1024.0).sum();
    assert!((142.0..368.0).contains(&chi2), "{chi2}");
}

/// The entries of a Haar orthogonal n × n matrix have variance 1 / n, and all signs are as likely.
#[test]
fn orthogonal_entries_are_spread_evenly() {
    let d = Dims::dense(2, 2).unwrap();
    let (mut positive, mut first, mut turn) = (0, 0.0, 0);
    for seed in 0..4000 {
        let mut w = [0.0; 4];
        Orthogonal { gain: 1.0, key: Key { seed, tensor: 0 } }.fill_f32(d, &mut w).unwrap();
        positive += i32::from(w[3] > 0.0);
        first += f64::from(w[0] * w[0]);
        turn += i32::from(w[0] * w[3] - w[1] * w[2] > 0.0);
    }
    assert!((positive - 2000).abs() < 160 && (turn - 2000).abs() < 160, "{positive} {turn}");
    assert!((first / 4000.0 - 0.5).abs() < 0.03);
}

#[test]
fn a_large_orthogonal_weight_keeps_single_precision() {
    for (out, inp) in [(192, 192), (64, 300), (300, 64)] {
        let d = Dims::dense(out, inp).unwrap();
        let mut w = vec![0.0; d.len()];
        Orthogonal { gain: 1.0, key: KEY }.fill_f32(d, &mut w).unwrap();
        assert!(furthest_from_orthogonal(&w, d.row()) < 1e-6);
    }
}

#[test]
fn errors_read_as_sentences() {
    let text = |d: Result<Dims, DimsError>| d.unwrap_err().to_string();
    assert_eq!(text(Dims::dense(0, 3)), "a size is zero: 0 x 1 x 1 x 3 in 1 groups");
    assert_eq!(text(Dims::new(4, 1, [1, 1], 3)), "4 outputs do not divide into 3 groups");
    assert!(text(Dims::dense(u32::MAX, u32::MAX)).ends_with("do not fit the address space"));
    assert_eq!(LengthError { need: 6, got: 5 }.to_string(), "6 weights, but a slice of 5");
}
