//! IDInit taken apart (§4.3): what its patches and its branch ends each bring.

use super::{IdInit, Scheme, Site};
use crate::rule::Exact;

/// IDInit without its patches, or without its IDIZ, or without both. Where it keeps them, and in all
/// else, it is [`IdInit::PAPER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ablation {
    /// Whether kernels are IDIC; else they are identity convolutions (eq. 12).
    pub idic: bool,
    /// What residual branches and the head of a residual network start from.
    pub ends: Ends,
}

/// What residual branches and the head of a residual network start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Ends {
    /// All zeros.
    Zero,
    /// IDIZ at the centre tap.
    Centre,
    /// IDIZC.
    Patch,
}

impl Ablation {
    /// Case (i): identity convolutions and zeros.
    pub const NONE: Self = Self { idic: false, ends: Ends::Zero };
    /// Case (ii): identity convolutions, and IDIZC where branches end. Case (iv) is IDInit.
    pub const IDIZC: Self = Self { idic: false, ends: Ends::Patch };
    /// Case (iii): IDIC, and zeros where branches end.
    pub const IDIC: Self = Self { idic: true, ends: Ends::Zero };
    /// The identity convolution with all of IDInit but its patches: IDIZ too is at the centre tap.
    pub const IDENTITY_CONV: Self = Self { idic: false, ends: Ends::Centre };
}

impl Scheme for Ablation {
    type Start = Exact;

    fn start(&self, site: &Site<'_>) -> Exact {
        match (IdInit::PAPER.rule(site), self.ends) {
            (Exact::Identity { gain, .. }, _) if !self.idic => Exact::Dirac { gain },
            (Exact::ZeroPreserving { .. }, Ends::Zero) => Exact::Zero,
            (Exact::ZeroPreserving { eps, .. }, Ends::Centre) => Exact::DiracZero { eps },
            (rule, _) => rule,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BRANCHES, ENDS, HEAD, STEM, matrices, plain, residual};
    use super::*;
    use crate::model::Activation;
    use crate::rule::{EPS, Order};
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
        let both = Ablation { idic: true, ends: Ends::Patch };
        assert_eq!(cases(&both), [idic[0], idic[1], idizc, idizc]);
        assert_eq!(matrices(&residual(), &both), matrices(&residual(), &IdInit::PAPER));
        assert_eq!(cases(&Ablation::IDENTITY_CONV), [dirac[0], dirac[1], centre, centre]);
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
