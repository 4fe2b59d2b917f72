//! T-Fixup (Huang et al. 2020): a Transformer without layer norms and without warm-up, because its
//! branches start small.

use super::{Facts, Scheme, Site, Written};
use crate::graph::Role;
use crate::layer::Layer;
use crate::rule::{Dims, Key, Random, Rule, Scaled, gain};

/// T-Fixup: Xavier; the values, the projections out of attention and both matrices of a feed-forward
/// branch are scaled by 0.67 N^(−1/4), or by (9N)^(−1/4) in a decoder, for N blocks of two residual
/// branches.
///
/// All matrices of a branch are scaled, but queries and keys are not: a matrix that makes queries,
/// keys and values at once is for [`TFixup::projections`], and an embedding's table for
/// [`TFixup::embeddings`].
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
        let factor = self.factor(site.facts);
        Written::ScaledFrom(Scaled { rule, output: 2 * third, factor })
    }

    /// The start of an embedding's table of vectors of `width` numbers: normal, with the deviation
    /// d^(−1/2) (9N)^(−1/4), in encoders too.
    pub fn embeddings(&self, facts: &Facts, width: u32, key: Key) -> Rule {
        Random::normal(libm::powf(width as f32, -0.5) * decoder(facts), key).into()
    }
}

impl Scheme for TFixup {
    type Start = Written;

    fn table(&self, site: &Site<'_>) -> Rule {
        match site.node.layer {
            Layer::Embedding(layer) => {
                self.embeddings(site.facts, layer.width, site.key(self.seed))
            }
            _ => site.table(self.seed).into(),
        }
    }

    fn start(&self, site: &Site<'_>) -> Written {
        if site.is_matrix() && site.feeds_attention() {
            return self.projections(site);
        }
        if site.is_table() {
            return Written::Rule(self.table(site));
        }
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

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the reference is the host's arithmetic")]
mod tests {
    use super::super::tests::matrices;
    use super::*;
    use crate::graph::{Graph, Node};
    use crate::rule::Fill;
    use crate::shape::Shape;

    const WIDTH: u32 = 4;

    /// `blocks` blocks of two branches of two dense layers: 4, 12, 4 and 4, 16, 4.
    fn blocks(blocks: usize) -> Graph<32> {
        let mut g = Graph::input(Shape::vector(WIDTH)).dense(WIDTH);
        for hidden in [12, 16].repeat(blocks) {
            let skip = g.here();
            g = g.dense(hidden).role(Role::Branch).relu();
            g = g.dense(WIDTH).role(Role::BranchEnd).add(skip);
        }
        g.dense(3).role(Role::Head)
    }

    fn site<'a>(facts: &'a Facts, nodes: &'a [Node], number: usize) -> Site<'a> {
        let node = &nodes[number];
        let part = node.layer.part(node.input, 0).unwrap();
        Site { facts, nodes, number, node, part, part_number: 0 }
    }

    fn bound(start: &Written) -> f32 {
        match start {
            Written::Rule(Rule::Random(Random::Uniform { bound, .. })) => *bound,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn branches_are_xavier_times_a_power_of_the_depth() {
        for (n, decoder, want) in [
            (1, false, 0.67),
            (3, false, 0.67 * 3.0_f32.powf(-0.25)),
            (1, true, 9.0_f32.powf(-0.25)),
            (3, true, 27.0_f32.powf(-0.25)),
        ] {
            let graph = blocks(n);
            let nodes = graph.nodes();
            for (number, start) in matrices(&graph, &TFixup { decoder, seed: 5 }) {
                let node = &nodes[number];
                let fans = (node.input.size() + node.output.size()) as f32;
                let xavier = (6.0 / fans).sqrt();
                let inside = matches!(node.role, Role::Branch | Role::BranchEnd);
                let want = if inside { xavier * want } else { xavier };
                assert!((bound(&start) - want).abs() < 1e-6, "layer {number} of {n} blocks");
            }
        }
    }

    #[test]
    fn of_queries_keys_and_values_only_the_values_are_scaled() {
        let graph = blocks(2);
        let facts = Facts::of(graph.nodes());
        // the first layer of the first branch is [12, 4]
        let site = site(&facts, graph.nodes(), 1);
        let scheme = TFixup { decoder: false, seed: 5 };
        let mut w = [f32::NAN; 48];
        scheme.projections(&site).fill_f32(site.part.dims, &mut w).unwrap();
        // each is Xavier as a [4, 4] matrix: ± √(6/8), and the values times 0.67 · 2^(−1/4)
        let bound = (6.0_f32 / 8.0).sqrt();
        let draws = Random::uniform(bound, site.key(5));
        let mut whole = [0.0; 48];
        draws.fill_f32(site.part.dims, &mut whole).unwrap();
        let factor = 0.67 * 2.0_f32.powf(-0.25);
        for (i, (got, draw)) in w.iter().zip(whole).enumerate() {
            let want = if i < 32 { draw } else { draw * factor };
            assert!((got - want).abs() < 1e-6 && draw.abs() <= bound, "weight {i}");
        }
    }

    #[test]
    fn a_table_is_normal_by_width_and_depth() {
        let facts = Facts::of(blocks(2).nodes());
        for decoder in [false, true] {
            let table = TFixup { decoder, seed: 5 }.embeddings(&facts, 64, Key::default());
            let Rule::Random(Random::Normal { std, .. }) = table else { panic!("{table:?}") };
            assert!((std - 0.125 * 18.0_f32.powf(-0.25)).abs() < 1e-7);
        }
    }
}
