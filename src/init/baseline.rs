//! The starts that every layer gets alike: Xavier, Kaiming, PyTorch's default.

use super::{Scheme, Site};
use crate::layer::PartKind;
use crate::rule::{Fan, Random, Rule, gain};

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
