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
