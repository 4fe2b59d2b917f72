//! The chance of an example: random numbers that are a function of (seed, epoch, index) alone.
//!
//! They come from Philox by counter, so that neither threads, nor machines, nor what was drawn
//! before change what an example looks like.

use crate::rule::philox;
use core::f64::consts::TAU;

/// A word of the counter that no weight and no order uses.
const STREAM: u32 = 0xDA7A_0000;

/// How often a bounded number is drawn again; all draws fail less than once in 10^20.
const ATTEMPTS: u32 = 32;

/// What the chance of an example depends on, beside its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// The seed of the run.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u32,
}

/// What numbers are drawn for; two purposes share none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Purpose {
    Crop = 0,
    Share = 1,
    Cut = 2,
    Window = 3,
    Vector = 4,
    Which = 5,
}

impl Chance {
    /// Four random words for an example.
    pub(crate) fn words(self, index: u32, purpose: Purpose, attempt: u32) -> [u32; 4] {
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        philox([index, self.epoch, (purpose as u32) << 16 | attempt, STREAM], key)
    }

    /// A share λ ~ Beta(α, α), from 0 to 1: density ∝ λ^(α−1) (1 − λ)^(α−1), for α > 0.
    ///
    /// λ = X / (X + Y) with X, Y ~ Gamma(α), each by its logarithm, so that small α underflow
    /// nothing.
    pub fn share(self, index: u32, alpha: f32) -> f32 {
        let alpha = f64::from(alpha);
        let [x, y] = [0, 1].map(|which| self.ln_gamma(index, which, alpha));
        (1.0 / (1.0 + libm::exp(y - x))) as f32
    }

    /// ln X with X ~ Gamma(α): G. Marsaglia, W. Tsang, "A simple method for generating gamma
    /// variables", TOMS 26, 2000, for α + 1, which X = G U^(1/α) brings down to α (§6 there).
    fn ln_gamma(self, index: u32, which: u32, alpha: f64) -> f64 {
        let d = alpha + 1.0 - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        let mut ln_u = 0.0;
        for attempt in 0..ATTEMPTS {
            let words = self.words(index, Purpose::Share, which * ATTEMPTS + attempt);
            let [a, b, u, w] = words.map(unit);
            ln_u = libm::log(w);
            let z = libm::sqrt(-2.0 * libm::log(a)) * libm::cos(TAU * b);
            let t = 1.0 + c * z;
            let v = t * t * t;
            if t > 0.0 && libm::log(u) < 0.5 * z * z + d * (1.0 - v + libm::log(v)) {
                return libm::log(d * v) + ln_u / alpha;
            }
        }
        // the mode, where every draw was refused
        libm::log(d) + ln_u / alpha
    }
}

/// A word as a number in (0, 1).
pub(crate) fn unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// A word as a whole number below `n`, off from even by less than n / 2³²; 0 where `n` is 0.
pub(crate) fn below(word: u32, n: u32) -> u32 {
    ((u64::from(word) * u64::from(n)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The largest distance between the shares' distribution and one that is known.
    fn distance(alpha: f32, known: fn(f64) -> f64) -> f64 {
        let chance = Chance { seed: 3, epoch: 1 };
        let mut shares: Vec<f32> = (0..20_000).map(|i| chance.share(i, alpha)).collect();
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
        shares.sort_by(f32::total_cmp);
        // of equals the last counts: near 1, a share is a multiple of 2⁻²⁴
        let steps = shares.chunk_by(|a, b| a == b).scan(0, |n, equals| {
            *n += equals.len();
            Some((*n, equals[0]))
        });
        let apart = |(n, x): (usize, f32)| (n as f64 / 20_000.0 - known(x.into())).abs();
        steps.map(apart).fold(0.0, f64::max)
    }

    /// Kolmogorov and Smirnov: 20,000 draws are off by more than 0.0138 once in a thousand.
    #[test]
    fn shares_are_of_their_beta_distribution() {
        assert!(distance(1.0, |x| x) < 0.0138);
        assert!(
            distance(0.5, |x| 2.0 / core::f64::consts::PI * libm::asin(libm::sqrt(x))) < 0.0138
        );
        assert!(distance(2.0, |x| x * x * (3.0 - 2.0 * x)) < 0.0138);
        // Beta(0.2, 0.2): a series of the incomplete beta function, symmetric about 1/2
        fn fifth(x: f64) -> f64 {
            if x > 0.5 {
                return 1.0 - fifth(1.0 - x);
            }
            let (mut term, mut sum) = (1.0, 0.0);
            for n in 0..200 {
                sum += term / (0.2 + f64::from(n));
                term *= x * (f64::from(n) + 0.8) / f64::from(n + 1);
            }
            let beta = libm::tgamma(0.2) * libm::tgamma(0.2) / libm::tgamma(0.4);
            libm::pow(x, 0.2) * sum / beta
        }
        assert!(distance(0.2, fifth) < 0.0138);
    }

    #[test]
    fn tiny_and_huge_alphas_stay_sound() {
        let chance = Chance { seed: 0, epoch: 0 };
        for i in 0..1000 {
            let rare = chance.share(i, 1e-4);
            assert!((0.0..=1.0).contains(&rare));
            assert!((chance.share(i, 1e6) - 0.5).abs() < 0.01);
        }
    }

    #[test]
    fn chance_differs_by_seed_epoch_index_and_purpose() {
        let chance = Chance { seed: 1, epoch: 2 };
        let one = chance.words(3, Purpose::Crop, 0);
        assert_eq!(one, Chance { seed: 1, epoch: 2 }.words(3, Purpose::Crop, 0));
        for other in [
            Chance { seed: 1 << 32 | 1, epoch: 2 }.words(3, Purpose::Crop, 0),
            Chance { seed: 1, epoch: 3 }.words(3, Purpose::Crop, 0),
            chance.words(4, Purpose::Crop, 0),
            chance.words(3, Purpose::Cut, 0),
            chance.words(3, Purpose::Crop, 1),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn whole_numbers_are_below_their_bound() {
        assert_eq!([below(0, 9), below(u32::MAX, 9), below(u32::MAX, 0)], [0, 8, 0]);
        assert!(unit(0) > 0.0 && unit(u32::MAX) < 1.0);
    }
}
