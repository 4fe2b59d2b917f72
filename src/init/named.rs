//! The schemes by name, for programs that choose at run time.

use super::{
    Ablation, DeltaOrthonormal, Fixup, IdInit, Kaiming, Loosened, Lsuv, Orthonormal, ReZero,
    Scheme, Site, SkipInit, TFixup, TorchDefault, Written, Xavier, ZerO, ZeroGamma,
};
use crate::graph::Node;
use crate::layer::Kind;
use crate::rule::{Exact, Fan, Order, Rule};

/// Any scheme of this crate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Named {
    /// IDInit.
    IdInit(IdInit),
    /// IDInit with noise on its identities.
    Loosened(Loosened),
    /// Parts of IDInit.
    Ablation(Ablation),
    /// Xavier.
    Xavier(Xavier),
    /// Kaiming.
    Kaiming(Kaiming),
    /// PyTorch's default.
    Torch(TorchDefault),
    /// Orthogonal matrices.
    Orthogonal(Orthonormal),
    /// Orthogonal matrices at the centre tap.
    DeltaOrthogonal(DeltaOrthonormal),
    /// LSUV, as far as it goes without data.
    Lsuv(Lsuv),
    /// Zero-gamma.
    ZeroGamma(ZeroGamma),
    /// ZerO.
    ZerO(ZerO),
    /// Fixup.
    Fixup(Fixup),
    /// SkipInit.
    SkipInit(SkipInit),
    /// ReZero.
    ReZero(ReZero),
    /// T-Fixup.
    TFixup(TFixup),
}

/// A name, what it says in a line, and the scheme for a seed.
type Entry = (&'static str, &'static str, fn(u64) -> Named);

/// All names: the only list of them.
const ALL: [Entry; 24] = [
    ("idinit", "IDInit: IDI and IDIC, IDIZ where residual branches end and at the head", |_| {
        Named::IdInit(IdInit::PAPER)
    }),
    ("idinit-channel", "IDInit with patches in PyTorch's order, channel by channel", |_| {
        Named::IdInit(IdInit { order: Order::ChannelMajor, ..IdInit::PAPER })
    }),
    (
        "idinit-diagonal",
        "IDInit with patches along a diagonal, and an IDIZ of 1e-2 before a batch norm",
        |_| Named::IdInit(IdInit::DIAGONAL),
    ),
    ("idinit-loose", "IDInit with noise of 1e-6 on its identities", |seed| {
        Named::Loosened(Loosened::paper(seed))
    }),
    ("identity-conv", "IDInit without patches: everything at the centre tap", |_| {
        Named::Ablation(Ablation::IDENTITY_CONV)
    }),
    ("ablation-none", "identity convolutions, zeros where branches end and at the head", |_| {
        Named::Ablation(Ablation::NONE)
    }),
    ("ablation-idizc", "identity convolutions, IDIZC where branches end and at the head", |_| {
        Named::Ablation(Ablation::IDIZC)
    }),
    ("ablation-idic", "IDIC, zeros where branches end and at the head", |_| {
        Named::Ablation(Ablation::IDIC)
    }),
    ("xavier", "Xavier, uniform (Glorot & Bengio 2010)", |seed| {
        Named::Xavier(Xavier { normal: false, seed })
    }),
    ("xavier-normal", "Xavier, normal", |seed| Named::Xavier(Xavier { normal: true, seed })),
    (
        "kaiming",
        "Kaiming for rectifiers, normal, by the fan of the inputs (He et al. 2015)",
        |seed| Named::Kaiming(Kaiming { fan: Fan::In, uniform: false, seed }),
    ),
    ("kaiming-out", "Kaiming, normal, by the fan of the outputs", |seed| {
        Named::Kaiming(Kaiming { fan: Fan::Out, uniform: false, seed })
    }),
    ("kaiming-uniform", "Kaiming, uniform, by the fan of the inputs", |seed| {
        Named::Kaiming(Kaiming { fan: Fan::In, uniform: true, seed })
    }),
    ("torch", "what PyTorch starts from: uniform within 1 / sqrt(fan in), biases too", |seed| {
        Named::Torch(TorchDefault { seed })
    }),
    (
        "orthogonal",
        "orthogonal matrices, sqrt 2 in size with rectifiers (Saxe et al. 2014)",
        |seed| Named::Orthogonal(Orthonormal { seed }),
    ),
    ("delta-orthogonal", "the same at the centre tap of kernels (Xiao et al. 2018)", |seed| {
        Named::DeltaOrthogonal(DeltaOrthonormal { seed })
    }),
    (
        "lsuv",
        "orthonormal, scaled by layers to a deviation of 1 on data (Mishkin & Matas 2016)",
        |seed| Named::Lsuv(Lsuv { seed }),
    ),
    ("zero-gamma", "Kaiming, zeros in the norms that end branches (Goyal et al. 2017)", |seed| {
        Named::ZeroGamma(ZeroGamma { seed })
    }),
    ("zero", "ZerO: partial identities and Hadamard matrices (Zhao et al. 2021)", |_| {
        Named::ZerO(ZerO)
    }),
    ("fixup", "Fixup: Kaiming by depth, zeros where branches end (Zhang et al. 2019)", |seed| {
        Named::Fixup(Fixup { seed })
    }),
    ("skipinit", "Kaiming, zeros in the multipliers of branches (De & Smith 2020)", |seed| {
        Named::SkipInit(SkipInit { seed })
    }),
    (
        "rezero",
        "Kaiming convolutions, Xavier else, zeros in the multipliers (Bachlechner et al. 2021)",
        |seed| Named::ReZero(ReZero { seed }),
    ),
    ("t-fixup", "T-Fixup for encoders: Xavier, smaller in branches (Huang et al. 2020)", |seed| {
        Named::TFixup(TFixup { decoder: false, seed })
    }),
    ("t-fixup-decoder", "T-Fixup for decoders", |seed| {
        Named::TFixup(TFixup { decoder: true, seed })
    }),
];

impl Named {
    /// Every name that [`Named::parse`] knows.
    pub const NAMES: &[&str] = &{
        let mut names = [""; ALL.len()];
        let mut i = 0;
        while i < ALL.len() {
            names[i] = ALL[i].0;
            i += 1;
        }
        names
    };

    /// The scheme of that name; the seed matters to those that have chance.
    pub fn parse(name: &str, seed: u64) -> Option<Self> {
        ALL.iter().find(|entry| entry.0 == name).map(|entry| entry.2(seed))
    }

    /// What the scheme of that name is, in a line.
    pub fn about(name: &str) -> Option<&'static str> {
        ALL.iter().find(|entry| entry.0 == name).map(|entry| entry.1)
    }

    /// The same scheme with another ε, before batch norms too, if it has one.
    #[must_use]
    pub fn with_eps(self, eps: f32) -> Option<Self> {
        let set = |idinit| IdInit { eps, eps_before_norm: eps, ..idinit };
        match self {
            Self::IdInit(idinit) => Some(Self::IdInit(set(idinit))),
            Self::Loosened(loose) => {
                Some(Self::Loosened(Loosened { idinit: set(loose.idinit), ..loose }))
            }
            Self::Ablation(ablation) => ablation.with_eps(eps).map(Self::Ablation),
            _ => None,
        }
    }

    /// Whether the start is finished only on data: by `train::lsuv::start`.
    pub const fn needs_data(&self) -> bool {
        matches!(self, Self::Lsuv(_))
    }

    /// What the scheme is about and the network lacks, in words; without it, it is another scheme.
    pub fn lacks(&self, nodes: &[Node]) -> Option<&'static str> {
        let none = |kind| !nodes.iter().any(|node| node.layer.kind() == kind);
        match self {
            Self::SkipInit(_) | Self::ReZero(_) if none(Kind::Multiplier) => {
                Some("multipliers where its residual branches end")
            }
            Self::ZeroGamma(_) if none(Kind::BatchNorm) => {
                Some("batch norms where its residual branches end")
            }
            _ => None,
        }
    }
}

impl Named {
    /// What its random numbers depend on; 0 for a scheme that has none.
    pub(crate) const fn seed(&self) -> u64 {
        match self {
            Self::IdInit(_) | Self::Ablation(_) | Self::ZerO(_) => 0,
            Self::Loosened(Loosened { seed, .. })
            | Self::Xavier(Xavier { seed, .. })
            | Self::Kaiming(Kaiming { seed, .. })
            | Self::Torch(TorchDefault { seed })
            | Self::Orthogonal(Orthonormal { seed })
            | Self::DeltaOrthogonal(DeltaOrthonormal { seed })
            | Self::Lsuv(Lsuv { seed })
            | Self::ZeroGamma(ZeroGamma { seed })
            | Self::Fixup(Fixup { seed })
            | Self::SkipInit(SkipInit { seed })
            | Self::ReZero(ReZero { seed })
            | Self::TFixup(TFixup { seed, .. }) => *seed,
        }
    }
}

impl Scheme for Named {
    type Start = Written;

    fn table(&self, site: &Site<'_>) -> Rule {
        match self {
            Self::TFixup(scheme) => scheme.table(site),
            other => site.table(other.seed()).into(),
        }
    }

    fn start(&self, site: &Site<'_>) -> Written {
        if site.is_table() {
            return Written::Rule(self.table(site));
        }
        let exact = |rule: Exact| Written::Rule(rule.into());
        let rule = |rule: Rule| Written::Rule(rule);
        match self {
            Self::IdInit(scheme) => exact(scheme.start(site)),
            Self::Loosened(scheme) => rule(scheme.start(site)),
            Self::Ablation(scheme) => exact(scheme.start(site)),
            Self::Xavier(scheme) => rule(scheme.start(site)),
            Self::Kaiming(scheme) => rule(scheme.start(site)),
            Self::Torch(scheme) => rule(scheme.start(site)),
            Self::Orthogonal(scheme) => scheme.start(site),
            Self::DeltaOrthogonal(scheme) => scheme.start(site),
            Self::Lsuv(scheme) => scheme.start(site),
            Self::ZeroGamma(scheme) => rule(scheme.start(site)),
            Self::ZerO(scheme) => exact(scheme.start(site)),
            Self::Fixup(scheme) => rule(scheme.start(site)),
            Self::SkipInit(scheme) => rule(scheme.start(site)),
            Self::ReZero(scheme) => rule(scheme.start(site)),
            Self::TFixup(scheme) => scheme.start(site),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::residual;
    use super::*;
    use crate::graph::Graph;
    use crate::shape::Shape;

    #[test]
    fn every_name_says_what_it_is_in_a_line() {
        for &name in Named::NAMES {
            let about = Named::about(name).unwrap();
            assert!((10..=85).contains(&about.len()) && !about.ends_with('.'), "{name}: {about}");
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(name.chars().all(plain), "{name}");
        }
        assert_eq!((Named::NAMES.len(), Named::NAMES[0]), (ALL.len(), "idinit"));
        assert_eq!(Named::about("nobody"), None);
    }

    #[test]
    fn an_epsilon_is_for_those_that_have_one() {
        let name = |name| Named::parse(name, 1).unwrap();
        for order in [Order::SpatialMajor, Order::Diagonal] {
            let with = Named::IdInit(IdInit { order, ..IdInit::DIAGONAL }).with_eps(0.5);
            let want = IdInit { order, eps: 0.5, eps_before_norm: 0.5, ..IdInit::PAPER };
            assert_eq!(with, Some(Named::IdInit(want)));
        }
        assert!(name("idinit-loose").with_eps(0.5).is_some());
        for with in ["identity-conv", "ablation-idizc"] {
            assert!(name(with).with_eps(0.5).is_some_and(|scheme| scheme != name(with)), "{with}");
        }
        for without in ["kaiming", "ablation-none", "ablation-idic"] {
            assert_eq!(name(without).with_eps(0.5), None, "{without}");
        }
    }

    #[test]
    fn what_a_scheme_lacks_is_said() {
        let name = |name| Named::parse(name, 1).unwrap();
        let bare = Graph::<2>::input(Shape::vector(2)).dense(2);
        for scheme in ["skipinit", "rezero", "zero-gamma"] {
            assert_eq!(name(scheme).lacks(residual().nodes()), None, "{scheme}");
            assert!(name(scheme).lacks(bare.nodes()).is_some(), "{scheme}");
        }
        assert_eq!(name("idinit").lacks(bare.nodes()), None);
        assert!(name("lsuv").needs_data() && !name("orthogonal").needs_data());
    }
}
