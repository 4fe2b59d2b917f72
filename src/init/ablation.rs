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
