//! What a binary links: an engine has code for the layers of a set, and of no others.

use super::Kind;
use crate::loss::Loss;

/// A set of layers and losses: what a binary links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LayerSet(u64);

impl LayerSet {
    /// No layer.
    pub const NONE: Self = Self(0);
    /// Every layer.
    pub const ALL: Self = Self(u64::MAX);

    /// The set and one layer more.
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    /// Whether the layer is in the set.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }

    /// The set and a loss.
    pub const fn with_loss(self, loss: Loss) -> Self {
        match loss {
            Loss::None => self,
            Loss::CrossEntropy { .. } => Self(self.0 | Self::CROSS_ENTROPY),
            Loss::SquaredError => Self(self.0 | Self::SQUARED_ERROR),
        }
    }

    /// Whether a layer is in the set that treats its two operands in a way of its own.
    pub(crate) const fn pairs(self) -> bool {
        self.has(Kind::Concat) || self.has(Kind::ChannelScale) || self.has(Kind::Attention)
    }

    /// Whether a layer is in the set that has a table.
    pub(crate) const fn has_tables(self) -> bool {
        self.has(Kind::Embedding) || self.has(Kind::Positions) || self.has(Kind::ClassToken)
    }

    /// Whether a layer is in the set that draws lots in training.
    pub(crate) const fn draws(self) -> bool {
        self.has(Kind::Dropout)
    }

    /// Whether a layer is in the set that goes through tokens one by one.
    pub(crate) const fn recurs(self) -> bool {
        self.has(Kind::Rnn) || self.has(Kind::Gru) || self.has(Kind::Lstm)
    }

    /// The set and the low-rank adapters of its layers.
    pub(crate) const fn with_adapters(self) -> Self {
        Self(self.0 | Self::ADAPTERS)
    }

    /// Whether layers of the set may have adapters.
    pub(crate) const fn has_adapters(self) -> bool {
        self.0 & Self::ADAPTERS != 0
    }

    pub(crate) const fn has_cross_entropy(self) -> bool {
        self.0 & Self::CROSS_ENTROPY != 0
    }

    pub(crate) const fn has_squared_error(self) -> bool {
        self.0 & Self::SQUARED_ERROR != 0
    }

    const CROSS_ENTROPY: u64 = 1 << 63;
    const SQUARED_ERROR: u64 = 1 << 62;
    const ADAPTERS: u64 = 1 << 61;

    /// Whether every layer of `other` is in this set.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a binary links: an engine has code for these layers and no others.
///
/// ```
/// use idinit::{graph::Graph, layer::{LayerSet, Uses}, shape::Shape};
/// const NET: Graph<2> = Graph::input(Shape::vector(4)).dense(3).relu().cross_entropy(0.0);
/// enum Mine {}
/// impl Uses for Mine {
///     const SET: LayerSet = NET.uses();
/// }
/// ```
pub trait Uses {
    /// The layers.
    const SET: LayerSet;
}

/// Links every layer: for programs that learn their model at run time.
pub enum All {}

impl Uses for All {
    const SET: LayerSet = LayerSet::ALL;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_it_was_given() {
        let set = LayerSet::NONE.with(Kind::Dense).with(Kind::Flatten);
        assert!(set.has(Kind::Dense) && set.has(Kind::Flatten) && !set.has(Kind::Relu));
        assert!(LayerSet::ALL.covers(set) && !set.covers(LayerSet::ALL));
        assert!(Kind::ALL.len() <= 61);
    }
}
