//! The schemes by name, for programs that choose at run time.

use super::baseline::Written;
use super::{
    Fixup, IdInit, Kaiming, Orthonormal, Scheme, Site, TorchDefault, Xavier, ZerO, ZeroGamma,
};
use crate::rule::{Exact, Fan, Order, Rule};

/// Any scheme of this crate, with its name.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Named {
    /// `idinit`, and `idinit-channel` in channel-major order.
    IdInit(IdInit),
    /// `xavier` (uniform) and `xavier-normal`.
    Xavier(Xavier),
    /// `kaiming` (normal, fan in), `kaiming-out`, `kaiming-uniform`.
    Kaiming(Kaiming),
    /// `torch`.
    Torch(TorchDefault),
    /// `orthogonal`.
    Orthogonal(Orthonormal),
    /// `zero-gamma`.
    ZeroGamma(ZeroGamma),
    /// `zero`: ZerO.
    ZerO(ZerO),
    /// `fixup`.
    Fixup(Fixup),
}

impl Named {
    /// Every name that [`Named::parse`] knows.
    pub const NAMES: &[&str] = &[
        "idinit",
        "idinit-channel",
        "xavier",
        "xavier-normal",
        "kaiming",
        "kaiming-out",
        "kaiming-uniform",
        "torch",
        "orthogonal",
        "zero-gamma",
        "zero",
        "fixup",
    ];

    /// The scheme of that name; the seed matters to those that have chance.
    pub fn parse(name: &str, seed: u64) -> Option<Self> {
        let kaiming = |fan, uniform| Self::Kaiming(Kaiming { fan, uniform, seed });
        Some(match name {
            "idinit" => Self::IdInit(IdInit::PAPER),
            "idinit-channel" => {
                Self::IdInit(IdInit { order: Order::ChannelMajor, ..IdInit::PAPER })
            }
            "xavier" => Self::Xavier(Xavier { normal: false, seed }),
            "xavier-normal" => Self::Xavier(Xavier { normal: true, seed }),
            "kaiming" => kaiming(Fan::In, false),
            "kaiming-out" => kaiming(Fan::Out, false),
            "kaiming-uniform" => kaiming(Fan::In, true),
            "torch" => Self::Torch(TorchDefault { seed }),
            "orthogonal" => Self::Orthogonal(Orthonormal { seed }),
            "zero-gamma" => Self::ZeroGamma(ZeroGamma { seed }),
            "zero" => Self::ZerO(ZerO),
            "fixup" => Self::Fixup(Fixup { seed }),
            _ => return None,
        })
    }
}

impl Scheme for Named {
    type Start = Written;

    fn start(&self, site: &Site<'_>) -> Written {
        let exact = |rule: Exact| Written::Rule(rule.into());
        let rule = |rule: Rule| Written::Rule(rule);
        match self {
            Self::IdInit(scheme) => exact(scheme.start(site)),
            Self::Xavier(scheme) => rule(scheme.start(site)),
            Self::Kaiming(scheme) => rule(scheme.start(site)),
            Self::Torch(scheme) => rule(scheme.start(site)),
            Self::Orthogonal(scheme) => scheme.start(site),
            Self::ZeroGamma(scheme) => rule(scheme.start(site)),
            Self::ZerO(scheme) => exact(scheme.start(site)),
            Self::Fixup(scheme) => rule(scheme.start(site)),
        }
    }
}
