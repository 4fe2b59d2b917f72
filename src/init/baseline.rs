//! The starts that IDInit is compared with.

use super::{Scheme, Site};
use crate::graph::Role;
use crate::layer::{Kind, PartKind};
use crate::rule::{Exact, Fan, Orthogonal, Random, Rule, gain};

/// Xavier (Glorot & Bengio 2010): the variance 2 / (fan in + fan out).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Xavier {
    /// Whether numbers are normal instead of uniform.
    pub normal: bool,
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for Xavier {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let (dims, key) = (site.part.dims, site.key(self.seed));
        match (site.is_matrix(), self.normal) {
            (false, _) => site.plain().into(),
            (true, false) => Random::xavier_uniform(dims, gain::LINEAR, key).into(),
            (true, true) => Random::xavier_normal(dims, gain::LINEAR, key).into(),
        }
    }
}

/// Kaiming (He et al. 2015) for rectifiers: normal, with the variance 2 / fan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Kaiming {
    /// Which fan: that of the inputs keeps the variance forward, that of the outputs backward.
    pub fan: Fan,
    /// Whether numbers are uniform instead of normal.
    pub uniform: bool,
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Default for Kaiming {
    fn default() -> Self {
        Self { fan: Fan::In, uniform: false, seed: 0 }
    }
}

impl Scheme for Kaiming {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let (dims, key) = (site.part.dims, site.key(self.seed));
        match (site.is_matrix(), self.uniform) {
            (false, _) => site.plain().into(),
            (true, false) => Random::kaiming_normal(dims, self.fan, gain::RELU, key).into(),
            (true, true) => Random::kaiming_uniform(dims, self.fan, gain::RELU, key).into(),
        }
    }
}

/// What PyTorch gives a linear layer or a convolution that nobody initialises: uniform within
/// ± 1 / √(fan in), the bias too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TorchDefault {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for TorchDefault {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let matrix = site.node.layer.part(site.node.input, 0);
        match (matrix, site.part.kind) {
            (Some(matrix), PartKind::Weight | PartKind::Bias)
                if matrix.kind == PartKind::Weight =>
            {
                Random::torch_default(matrix.dims, site.key(self.seed)).into()
            }
            _ => site.plain().into(),
        }
    }
}

/// Orthogonal matrices (Saxe et al. 2014) with the gain of rectifiers, √2, where the network has
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Orthonormal {
    /// What the random numbers depend on.
    pub seed: u64,
}

/// The start of a weight under a scheme that is not a function of the index alone.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Written {
    /// A function of the index.
    Rule(Rule),
    /// An orthogonal matrix, written as a whole.
    Orthogonal(Orthogonal),
}

impl crate::rule::Fill for Written {
    fn fill_f32(
        &self,
        d: crate::rule::Dims,
        w: &mut [f32],
    ) -> Result<(), crate::rule::LengthError> {
        match self {
            Self::Rule(rule) => rule.fill_f32(d, w),
            Self::Orthogonal(matrix) => matrix.fill_f32(d, w),
        }
    }
}

impl Scheme for Orthonormal {
    type Start = Written;

    fn start(&self, site: &Site<'_>) -> Written {
        if !site.is_matrix() {
            return Written::Rule(site.plain().into());
        }
        let gain = if site.facts.relu { gain::RELU } else { gain::LINEAR };
        Written::Orthogonal(Orthogonal { gain, key: site.key(self.seed) })
    }
}

/// Zero-gamma (Goyal et al. 2017): Kaiming by the fan of the outputs, and the norm that ends a
/// residual branch starts at 0, so that every block starts as its skip connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ZeroGamma {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for ZeroGamma {
    type Start = Rule;

    fn start(&self, site: &Site<'_>) -> Rule {
        let behind_branch = site.node.from.node().and_then(|from| site.nodes.get(from));
        let ends_branch = site.node.layer.kind() == Kind::BatchNorm
            && behind_branch.is_some_and(|before| before.role == Role::BranchEnd);
        match site.part.kind {
            PartKind::Gain if ends_branch => Exact::Zero.into(),
            _ => Kaiming { fan: Fan::Out, uniform: false, seed: self.seed }.start(site),
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
