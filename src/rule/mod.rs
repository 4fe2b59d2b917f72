//! A weight is a function of its index.
//!
//! The network's initial weights are not data: IDInit names each of them by where it stands. A rule
//! is that function, a few bytes that know no size; [`Dims`] are the sizes. Weights are stored as
//! `[out][kh][kw][in]`, so a fully connected layer's W is `[out][in]` and y = x Wᵀ.
//!
//! | rule | source | a row holds |
//! |---|---|---|
//! | [`Exact::Identity`] | IDI_τ, IDIC_τ: §3.2, §3.4 | τ once |
//! | [`Exact::ZeroPreserving`] | IDIZ_ε, IDIZC_ε: §3.3, §3.4 | ε and −ε |
//! | [`Exact::Dirac`], [`Exact::DiracZero`] | eq. 12, §4.3 | the same, at the centre tap |
//! | [`Exact::Hadamard`] | ZerO, Zhao et al. 2021 | 1, or ± 2^{−m/2} |
//! | [`Random`] | Xavier, Kaiming, LeCun, PyTorch | a draw by counter |
//! | [`Orthogonal`] | Saxe et al. 2014 | no function of the index: [`Fill`] only |
//! | [`DeltaOrthogonal`] | Xiao et al. 2018 | the same, at the centre tap |

mod dims;
mod dirac;
mod element;
mod exact;
mod identity;
mod key;
mod orthogonal;
mod patch;
mod philox;
#[cfg(any(feature = "std", test))]
mod picture;
mod random;
mod row;
mod start;
mod zero;
mod zero_hadamard;

pub use dims::{Dims, DimsError};
pub use element::Element;
pub use exact::Exact;
pub use key::Key;
pub use orthogonal::{DeltaOrthogonal, Orthogonal};
pub use patch::Order;
pub use philox::philox;
#[cfg(any(feature = "std", test))]
pub use picture::picture;
pub use random::{Fan, Random, gain};
pub use start::{Fill, LengthError, Scaled, Start};
pub use zero::EPS;

use core::ops::Range;

/// Any rule that is a function of the index. Who names [`Exact`] alone links no logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Rule {
    /// A rule without chance.
    Exact(Exact),
    /// A rule with a seed.
    Random(Random),
}

impl From<Exact> for Rule {
    fn from(rule: Exact) -> Self {
        Self::Exact(rule)
    }
}

impl From<Random> for Rule {
    fn from(rule: Random) -> Self {
        Self::Random(rule)
    }
}

impl Start for Rule {
    fn rule(self) -> Option<Self> {
        Some(self)
    }

    fn at(self, d: Dims, i: usize) -> f32 {
        match self {
            Self::Exact(rule) => rule.at(d, i),
            Self::Random(rule) => rule.at(d, i),
        }
    }

    fn nonzeros_in(self, d: Dims, within: Range<usize>) -> impl Iterator<Item = (usize, f32)> {
        let (exact, random) = match self {
            Self::Exact(rule) => (Some(rule.nonzeros_in(d, within)), None),
            Self::Random(rule) => (None, Some(rule.nonzeros_in(d, within))),
        };
        exact.into_iter().flatten().chain(random.into_iter().flatten())
    }

    fn scale(self, d: Dims) -> f32 {
        match self {
            Self::Exact(rule) => rule.scale(d),
            Self::Random(rule) => rule.scale(d),
        }
    }

    fn fill_from<T: Element>(self, d: Dims, start: usize, w: &mut [T]) -> Result<(), LengthError> {
        match self {
            Self::Exact(rule) => rule.fill_from(d, start, w),
            Self::Random(rule) => rule.fill_from(d, start, w),
        }
    }
}
