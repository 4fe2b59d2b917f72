//! IDInit taken apart (§4.3): what its patches and its branch ends each bring.

use super::{IdInit, Scheme, Site};
use crate::rule::{EPS, Exact};

/// IDInit without its patches, or without its IDIZ, or without both. Where it keeps them, and in all
/// else, it is [`IdInit::PAPER`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ablation {
    /// Whether kernels are IDIC; else they are identity convolutions (eq. 12).
    pub idic: bool,
    /// What residual branches and the head of a residual network start from.
    pub ends: Ends,
}

/// What residual branches and the head of a residual network start from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Ends {
    /// All zeros.
    Zero,
    /// IDIZ at the centre tap.
    Centre {
        /// Its ε.
        eps: f32,
    },
    /// IDIZC.
    Patch {
        /// Its ε.
        eps: f32,
    },
}

impl Ablation {
    /// Case (i): identity convolutions and zeros.
    pub const NONE: Self = Self { idic: false, ends: Ends::Zero };
    /// Case (ii): identity convolutions, and IDIZC where branches end. Case (iv) is IDInit.
    pub const IDIZC: Self = Self { idic: false, ends: Ends::Patch { eps: EPS } };
    /// Case (iii): IDIC, and zeros where branches end.
    pub const IDIC: Self = Self { idic: true, ends: Ends::Zero };
    /// The identity convolution with all of IDInit but its patches: IDIZ too is at the centre tap.
    pub const IDENTITY_CONV: Self = Self { idic: false, ends: Ends::Centre { eps: EPS } };

    /// ε of its branch ends; none where they are zeros.
    pub(crate) const fn eps(self) -> Option<f32> {
        match self.ends {
            Ends::Zero => None,
            Ends::Centre { eps } | Ends::Patch { eps } => Some(eps),
        }
    }

    /// The same case with another ε; none where its branches end in zeros (§3.3 has ε in IDIZ alone).
    #[must_use]
    pub const fn with_eps(self, eps: f32) -> Option<Self> {
        let ends = match self.ends {
            Ends::Zero => return None,
            Ends::Centre { .. } => Ends::Centre { eps },
            Ends::Patch { .. } => Ends::Patch { eps },
        };
        Some(Self { ends, ..self })
    }
}

impl Scheme for Ablation {
    type Start = Exact;

    fn start(&self, site: &Site<'_>) -> Exact {
        match (IdInit::PAPER.rule(site), self.ends) {
            (Exact::Identity { gain, .. }, _) if !self.idic => Exact::Dirac { gain },
            (Exact::ZeroPreserving { .. }, Ends::Zero) => Exact::Zero,
            (Exact::ZeroPreserving { .. }, Ends::Centre { eps }) => Exact::DiracZero { eps },
            (Exact::ZeroPreserving { order, .. }, Ends::Patch { eps }) => {
                Exact::ZeroPreserving { eps, order }
            }
            (rule, _) => rule,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BRANCHES, ENDS, HEAD, STEM, matrices, plain, residual};
    use super::*;
    use crate::model::Activation;
    use crate::rule::Order;
    use core::f32::consts::SQRT_2;

    /// What a scheme has in the stem, in a branch, at its end and at the head.
    fn cases(scheme: &Ablation) -> [Exact; 4] {
        let found = matrices(&residual(), scheme);
        let numbers: Vec<usize> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [STEM, BRANCHES[0], ENDS[0], BRANCHES[1], ENDS[1], HEAD]);
        assert_eq!((found[1].1, found[2].1), (found[3].1, found[4].1));
        [found[0].1, found[1].1, found[2].1, found[5].1]
    }

    #[test]
    fn the_cases_of_the_ablation() {
        let order = Order::SpatialMajor;
        let idic = [SQRT_2, 1.0].map(|gain| Exact::Identity { gain, order });
        let dirac = [SQRT_2, 1.0].map(|gain| Exact::Dirac { gain });
        let idizc = Exact::ZeroPreserving { eps: EPS, order };
        let centre = Exact::DiracZero { eps: EPS };
        let zero = Exact::Zero;
        assert_eq!(cases(&Ablation::NONE), [dirac[0], dirac[1], zero, zero]);
        assert_eq!(cases(&Ablation::IDIZC), [dirac[0], dirac[1], idizc, idizc]);
        assert_eq!(cases(&Ablation::IDIC), [idic[0], idic[1], zero, zero]);
        let both = Ablation { idic: true, ends: Ends::Patch { eps: EPS } };
        assert_eq!(cases(&both), [idic[0], idic[1], idizc, idizc]);
        assert_eq!(matrices(&residual(), &both), matrices(&residual(), &IdInit::PAPER));
        assert_eq!(cases(&Ablation::IDENTITY_CONV), [dirac[0], dirac[1], centre, centre]);
    }

    #[test]
    fn an_epsilon_is_that_of_the_ends() {
        let eps = 0.25;
        let ends = |case: Ablation| cases(&case.with_eps(eps).unwrap())[2..].to_vec();
        let idizc = Exact::ZeroPreserving { eps, order: Order::SpatialMajor };
        assert_eq!(ends(Ablation::IDIZC), [idizc, idizc]);
        assert_eq!(ends(Ablation::IDENTITY_CONV), [Exact::DiracZero { eps }; 2]);
        assert_eq!((Ablation::NONE.with_eps(eps), Ablation::IDIC.with_eps(eps)), (None, None));
    }

    #[test]
    fn a_plain_network_has_no_ends() {
        for scheme in [Ablation::NONE, Ablation::IDIZC, Ablation::IDENTITY_CONV] {
            for (_, rule) in matrices(&plain(Activation::Tanh), &scheme) {
                assert_eq!(rule, Exact::Dirac { gain: 1.0 });
            }
        }
    }
}
