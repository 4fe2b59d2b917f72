//! The loosened IDInit of the paper's later versions: noise on the identities' own entries.

use super::{IdInit, Scheme, Site};
use crate::rule::{Exact, Random, Rule};

/// IDInit whose τ entries, and only they, are drawn from N(τ, std²), so that the copies which a
/// widening layer makes of its inputs can part. The ends of branches are as they were.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loosened {
    /// What is loosened.
    pub idinit: IdInit,
    /// The standard deviation of the noise.
    pub std: f32,
    /// What the noise depends on.
    pub seed: u64,
}

impl Loosened {
    /// The deviation of the paper's later versions.
    pub const STD: f32 = 1e-6;

    /// The paper's constants and noise of 10⁻⁶.
    pub const fn paper(seed: u64) -> Self {
        Self { idinit: IdInit::PAPER, std: Self::STD, seed }
    }
}

impl Scheme for Loosened {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        match self.idinit.rule(site) {
            Exact::Identity { gain, order } => {
                Random::Loose { gain, order, std: self.std, key: site.key(self.seed) }.into()
            }
            rule => rule.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{matrices, residual, starts, weights};
    use super::*;
    use crate::layer::PartKind;

    #[test]
    fn identities_are_loosened_and_nothing_else_is() {
        let (exact, loose) = (IdInit::PAPER, Loosened::paper(3));
        let rules = matrices(&residual(), &exact).into_iter().zip(matrices(&residual(), &loose));
        let mut keys = vec![];
        for ((number, before), (_, after)) in rules {
            match (before, after) {
                (
                    Exact::Identity { gain, order },
                    Rule::Random(Random::Loose { gain: g, order: o, std, key }),
                ) => {
                    assert_eq!((gain, order, std), (g, o, 1e-6), "layer {number}");
                    assert!(!keys.contains(&key), "layer {number}");
                    keys.push(key);
                }
                (before @ Exact::ZeroPreserving { .. }, after) => assert_eq!(after, before.into()),
                other => panic!("layer {number}: {other:?}"),
            }
        }
        assert_eq!(keys.len(), 3);
        for (number, kind, rule) in starts(&residual(), &loose) {
            let drawn = matches!(rule, Rule::Random(_));
            assert!(!drawn || kind == PartKind::Weight, "layer {number}, {kind:?}");
        }
    }

    #[test]
    fn the_noise_is_a_millionth_and_leaves_zeros() {
        let exact = weights(&residual(), &IdInit::PAPER);
        let loose = weights(&residual(), &Loosened::paper(3));
        let off: Vec<f64> =
            exact.iter().zip(&loose).map(|(e, l)| f64::from(*l) - f64::from(*e)).collect();
        assert!(exact.iter().zip(&loose).all(|(&e, &l)| (e == 0.0) == (l == 0.0)));
        // five deviations, and the rounding of numbers near √2
        assert!(off.iter().all(|off| off.abs() < 5.2e-6));
        // 12 weights are drawn: the 4 rows of 3 identities
        assert!(off.iter().filter(|&&off| off != 0.0).count() > 6);
    }
}
