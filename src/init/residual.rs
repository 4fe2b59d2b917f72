//! The starts that a residual network gets to be nearly its skip connections at first: zero-gamma,
//! ZerO, Fixup, SkipInit, ReZero.

use super::{Kaiming, Scheme, Site, TorchDefault, Xavier};
use crate::graph::Role;
use crate::layer::{Kind, PartKind};
use crate::rule::{Exact, Fan, Random, Rule, gain};

/// Zero-gamma (Goyal et al. 2017): convolutions are Kaiming by the fan of the outputs, and the norm
/// that ends a residual branch starts at 0, so that every block starts as its skip connection. Dense
/// layers are PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ZeroGamma {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for ZeroGamma {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let seed = self.seed;
        match (site.node.layer.kind(), site.part.kind) {
            (Kind::BatchNorm, PartKind::Gain) if site.is_behind_branch() => Exact::Zero.into(),
            (Kind::Conv2d, _) => Kaiming { fan: Fan::Out, uniform: false, seed }.start(site),
            _ => TorchDefault { seed }.start(site),
        }
    }
}

/// ZerO (Zhao et al. 2021): partial identities and Hadamard matrices, zeros at the ends of branches
/// and at the head. It has no chance either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ZerO;

impl Scheme for ZerO {
    type Start = Exact;

    fn start(&self, site: &Site<'_>) -> Exact {
        match site.node.role {
            _ if !site.is_matrix() => site.plain(),
            Role::BranchEnd | Role::Head if site.facts.is_residual() => Exact::Zero,
            _ => Exact::Hadamard { gain: 1.0 },
        }
    }
}

/// Fixup (Zhang et al. 2019): with L branches of m layers, a branch's layers but the last are
/// Kaiming times L^(−1/(2m−2)), its last layer and the head are 0.
///
/// The scalar biases and multipliers of Fixup are layers of the model
/// ([`Graph::scalar_bias`](crate::graph::Graph::scalar_bias),
/// [`Graph::multiplier`](crate::graph::Graph::multiplier)). Its tenfold smaller learning rate for
/// them is not there yet: a step has one rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fixup {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for Fixup {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let key = site.key(self.seed);
        match site.node.role {
            _ if !site.is_matrix() => site.plain().into(),
            Role::BranchEnd | Role::Head if site.facts.is_residual() => Exact::Zero.into(),
            Role::Branch if site.facts.branch_layers > 1 => {
                let power = -1.0 / (2 * site.facts.branch_layers - 2) as f32;
                let scale = libm::powf(site.facts.branches as f32, power);
                Random::kaiming_normal(site.part.dims, Fan::Out, gain::RELU * scale, key).into()
            }
            _ => Random::torch_default(site.part.dims, key).into(),
        }
    }
}

/// SkipInit (De & Smith 2020): the multipliers that end residual branches start at 0, and all else is
/// Kaiming. It is meant for networks without norms whose convolutions have biases, and without
/// [multipliers](crate::graph::Graph::multiplier) it is Kaiming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SkipInit {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for SkipInit {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        match site.part.kind {
            PartKind::Multiplier if site.is_behind_branch() => Exact::Zero.into(),
            _ => Kaiming { seed: self.seed, ..Kaiming::default() }.start(site),
        }
    }
}

/// ReZero (Bachlechner et al. 2021): the multipliers that end residual branches start at 0;
/// convolutions are Kaiming, as in its ResNets, and dense layers Xavier, as in its Transformers.
/// Without [multipliers](crate::graph::Graph::multiplier) nothing starts at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReZero {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for ReZero {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let seed = self.seed;
        match site.part.kind {
            PartKind::Multiplier if site.is_behind_branch() => Exact::Zero.into(),
            _ if matches!(site.node.layer.kind(), Kind::Conv2d) => {
                Kaiming { seed, ..Kaiming::default() }.start(site)
            }
            _ => Xavier { normal: false, seed }.start(site),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HEAD, matrices, residual, starts};
    use super::*;
    use crate::graph::{Graph, Value};
    use crate::shape::Shape;

    /// The layers whose multipliers start at 0, and at 1.
    fn multipliers<S: Scheme<Start = Rule>>(graph: &Graph<32>, scheme: &S) -> [Vec<usize>; 2] {
        let all = starts(graph, scheme);
        [Exact::Zero, Exact::Constant { value: 1.0 }].map(|start| {
            let those = all
                .iter()
                .filter(|(_, kind, rule)| *kind == PartKind::Multiplier && *rule == start.into());
            those.map(|(number, ..)| *number).collect()
        })
    }

    #[test]
    fn multipliers_of_branches_start_at_zero() {
        // two blocks; in each, a branch's end, its norm, its multiplier
        let ends = vec![9, 18];
        let [zero, one] = multipliers(&residual(), &SkipInit { seed: 1 });
        assert_eq!((&zero, one.len()), (&ends, 0));
        assert_eq!(multipliers(&residual(), &ReZero { seed: 1 }), [ends.clone(), vec![]]);
        assert_eq!(multipliers(&residual(), &Fixup { seed: 1 }), [vec![], ends]);
    }

    #[test]
    fn multipliers_elsewhere_start_at_one() {
        let g = Graph::<32>::input(Shape::vector(3)).multiplier().dense(3).multiplier();
        let g = g.dense(3).role(Role::BranchEnd).scalar_bias().multiplier().add(Value::INPUT);
        let g = g.multiplier();
        for [zero, one] in
            [multipliers(&g, &SkipInit { seed: 1 }), multipliers(&g, &ReZero { seed: 1 })]
        {
            assert_eq!((zero, one), (vec![5], vec![0, 2, 7]));
        }
    }

    #[test]
    fn the_other_weights_are_kaiming_or_xavier() {
        let kaiming = Kaiming { seed: 1, ..Kaiming::default() };
        let xavier = Xavier { normal: false, seed: 1 };
        assert_eq!(matrices(&residual(), &SkipInit { seed: 1 }), matrices(&residual(), &kaiming));
        let convolutions = matrices(&residual(), &kaiming);
        let dense = matrices(&residual(), &xavier);
        for (i, found) in matrices(&residual(), &ReZero { seed: 1 }).into_iter().enumerate() {
            assert_eq!(found, if found.0 == HEAD { dense[i] } else { convolutions[i] });
        }
    }
}
