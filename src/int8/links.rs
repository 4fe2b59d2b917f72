//! What a binary links: an engine has code for the layers of a set, and of no others.

use super::model::{Layer, Model, Op, Weights};

/// A set of kinds of layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ops(u16);

impl Ops {
    /// Every kind.
    pub const ALL: Self = Self(u16::MAX);
    pub(super) const DENSE: Self = Self(1);
    pub(super) const CONV: Self = Self(1 << 1);
    pub(super) const DEPTHWISE: Self = Self(1 << 2);
    pub(super) const DENSE_RULE: Self = Self(1 << 3);
    pub(super) const CONV_RULE: Self = Self(1 << 4);
    pub(super) const MAX_POOL: Self = Self(1 << 5);
    pub(super) const AVERAGE_POOL: Self = Self(1 << 6);
    pub(super) const ADD: Self = Self(1 << 7);
    pub(super) const RELU: Self = Self(1 << 8);
    pub(super) const SOFTMAX: Self = Self(1 << 9);

    /// What one layer needs.
    const fn of(layer: &Layer<'_>) -> Self {
        let by_rule = match layer.linear() {
            Some(linear) => matches!(linear.weights, Weights::Rule(_)),
            None => false,
        };
        match layer.op {
            Op::Dense(_) if by_rule => Self::DENSE_RULE,
            Op::Conv2d(..) | Op::Depthwise(..) if by_rule => Self::CONV_RULE,
            Op::Dense(_) => Self::DENSE,
            Op::Conv2d(..) => Self::CONV,
            Op::Depthwise(..) => Self::DEPTHWISE,
            Op::MaxPool(_) => Self::MAX_POOL,
            Op::AveragePool(_) => Self::AVERAGE_POOL,
            Op::Add(_) => Self::ADD,
            Op::Relu(_) => Self::RELU,
            Op::Softmax(_) => Self::SOFTMAX,
        }
    }

    /// Whether every kind of `other` is in this set.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The kinds of both sets.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Model<'_> {
    /// The kinds of layers that an engine needs for this model.
    pub const fn uses(&self) -> Ops {
        let (mut set, mut layers) = (Ops(0), self.layers);
        while let [layer, others @ ..] = layers {
            set = set.with(Ops::of(layer));
            layers = others;
        }
        set
    }
}

/// What a binary links: an engine has code for these layers and no others.
pub trait Links {
    /// The kinds of layers.
    const OPS: Ops;
}

/// Links every kind of layer: for programs that learn their model at run time.
#[derive(Clone, Copy, Debug)]
pub enum Every {}

impl Links for Every {
    const OPS: Ops = Ops::ALL;
}
