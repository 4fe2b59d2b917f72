//! The starts from orthogonal matrices: for dense layers and patches, at the centre tap, and the first
//! half of LSUV.

use super::{Scheme, Site, Written};
use crate::rule::{DeltaOrthogonal, Orthogonal, gain};

/// Orthogonal matrices (Saxe et al. 2014) with the gain of rectifiers, √2, where the network has
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Orthonormal {
    /// What the random numbers depend on.
    pub seed: u64,
}

/// The gain that a network's activations ask for.
fn gain_of(site: &Site<'_>) -> f32 {
    if site.facts.relu { gain::RELU } else { gain::LINEAR }
}

impl Scheme for Orthonormal {
    type Start = Written;

    fn start(&self, site: &Site<'_>) -> Written {
        match site.is_matrix() {
            false => Written::Rule(site.plain().into()),
            true => {
                Written::Orthogonal(Orthogonal { gain: gain_of(site), key: site.key(self.seed) })
            }
        }
    }
}

/// Delta-orthogonal kernels (Xiao et al. 2018): an orthogonal matrix at the centre tap, with the gain
/// of rectifiers, √2, where the network has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeltaOrthonormal {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for DeltaOrthonormal {
    type Start = Written;

    fn start(&self, site: &Site<'_>) -> Written {
        match site.is_matrix() {
            false => Written::Rule(site.plain().into()),
            true => Written::DeltaOrthogonal(DeltaOrthogonal {
                gain: gain_of(site),
                key: site.key(self.seed),
            }),
        }
    }
}

/// What LSUV (Mishkin & Matas 2016) begins with: orthonormal matrices. The rest of it is done with
/// data, by `train::lsuv::start`, and this alone is not LSUV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lsuv {
    /// What the random numbers depend on.
    pub seed: u64,
}

impl Scheme for Lsuv {
    type Start = Written;

    fn start(&self, site: &Site<'_>) -> Written {
        match site.is_matrix() {
            false => Written::Rule(site.plain().into()),
            true => Written::Orthogonal(Orthogonal { gain: 1.0, key: site.key(self.seed) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{matrices, plain, residual};
    use super::*;
    use crate::model::Activation;

    #[test]
    fn rectifiers_ask_for_the_root_of_two_and_lsuv_does_not() {
        for (activation, want) in [(Activation::Relu, gain::RELU), (Activation::Tanh, 1.0)] {
            for (number, start) in matrices(&plain(activation), &DeltaOrthonormal { seed: 2 }) {
                let Written::DeltaOrthogonal(DeltaOrthogonal { gain, key }) = start else {
                    panic!("layer {number}: {start:?}")
                };
                assert_eq!((gain, key.seed), (want, 2), "layer {number}");
            }
        }
        for (number, start) in matrices(&residual(), &Lsuv { seed: 2 }) {
            let Written::Orthogonal(Orthogonal { gain, .. }) = start else {
                panic!("layer {number}: {start:?}")
            };
            assert_eq!(gain, 1.0, "layer {number}");
        }
    }
}
