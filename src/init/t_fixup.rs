//! T-Fixup (Huang et al. 2020): a Transformer without layer norms and without warm-up, because its
//! branches start small.

use super::{Facts, Scheme, Site, Written};
use crate::graph::Role;
use crate::rule::{Dims, Key, Random, Rule, gain};

/// T-Fixup: Xavier; the values, the projections out of attention and both matrices of a feed-forward
/// branch are scaled by 0.67 N^(−1/4), or by (9N)^(−1/4) in a decoder, for N blocks of two residual
/// branches.
///
/// All matrices of a branch are scaled, but queries and keys are not: a matrix that makes queries,
/// keys and values at once is for [`TFixup::projections`], and an embedding's table for
/// [`TFixup::table`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TFixup {
    /// Whether the network is a decoder instead of an encoder.
    pub decoder: bool,
    /// What the random numbers depend on.
    pub seed: u64,
}

/// N: an attention branch and a feed-forward branch are one block.
fn blocks(facts: &Facts) -> f32 {
    facts.branches.div_ceil(2).max(1) as f32
}

/// (9N)^(−1/4).
fn decoder(facts: &Facts) -> f32 {
    libm::powf(9.0 * blocks(facts), -0.25)
}

impl TFixup {
    /// What scales the matrices of a branch.
    pub fn factor(&self, facts: &Facts) -> f32 {
        if self.decoder { decoder(facts) } else { 0.67 * libm::powf(blocks(facts), -0.25) }
    }

    /// The start of queries, keys and values in one matrix, `[3 d, d]`: each is Xavier as a matrix
    /// `[d, d]` of its own, and the values, the last third, are scaled.
    pub fn projections(&self, site: &Site<'_>) -> Written {
        let (whole, key) = (site.part.dims, site.key(self.seed));
        let third = whole.out() / 3;
        let one = Dims::new(third, whole.inp(), whole.kernel(), 1).unwrap_or(whole);
        let rule = Random::xavier_uniform(one, gain::LINEAR, key).into();
        Written::ScaledFrom { rule, output: 2 * third, factor: self.factor(site.facts) }
    }

    /// The start of an embedding's table of vectors of `width` numbers: normal, with the deviation
    /// d^(−1/2) (9N)^(−1/4), in encoders too.
    pub fn table(&self, facts: &Facts, width: u32, key: Key) -> Rule {
        Random::normal(libm::powf(width as f32, -0.5) * decoder(facts), key).into()
    }
}

impl Scheme for TFixup {
    type Start = Written;

    fn start(&self, site: &Site<'_>) -> Written {
        let gain = match site.node.role {
            Role::Branch | Role::BranchEnd => self.factor(site.facts),
            _ => gain::LINEAR,
        };
        Written::Rule(match site.is_matrix() {
            true => Random::xavier_uniform(site.part.dims, gain, site.key(self.seed)).into(),
            false => site.plain().into(),
        })
    }
}
