//! TextRNN: a text read from both ends by recurrent layers, and classified by what they end with
//! (Schuster & Paliwal 1997; §4.4 of the IDInit paper).

use super::transformer::dropped;
use crate::graph::{Graph, Role};
use crate::layer::{Gru, Layer, Lstm, Rnn};

/// What a recurrent layer computes for each word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cell {
    /// A long short-term memory.
    #[default]
    Lstm,
    /// A gated recurrent unit.
    Gru,
    /// tanh(W x + U h).
    Plain,
}

impl Cell {
    const fn layer(self, hidden: u32, reverse: bool) -> Layer {
        match self {
            Self::Lstm => Layer::Lstm(Lstm { hidden, reverse }),
            Self::Gru => Layer::Gru(Gru { hidden, reverse }),
            Self::Plain => Layer::Rnn(Rnn { hidden, reverse }),
        }
    }
}

/// What can be chosen about [`text_rnn`]. How many words a text has is the width of the graph's
/// input, `Shape::hwc(1, words, 1)`; word 0 fills texts up.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TextRnn {
    /// How many words there are.
    pub vocabulary: u32,
    /// Channels of a word.
    pub width: u32,
    /// What a recurrent layer computes.
    pub cell: Cell,
    /// Recurrent layers, each in both directions.
    pub layers: usize,
    /// Numbers in the state of each direction.
    pub hidden: u32,
    /// The probability of a number's being dropped before the classifier.
    pub dropout: f32,
    /// Outputs.
    pub classes: u32,
}

impl TextRnn {
    /// One layer of 128 numbers in each direction, with word vectors of 50. The paper gives no sizes.
    pub const SMALL: Self = Self {
        vocabulary: 20_000,
        width: 50,
        cell: Cell::Lstm,
        layers: 1,
        hidden: 128,
        dropout: 0.5,
        classes: 2,
    };
}

impl Default for TextRnn {
    fn default() -> Self {
        Self::SMALL
    }
}

/// How many layers [`text_rnn`] has.
pub const fn text_rnn_nodes(net: TextRnn) -> usize {
    let dropout = (net.dropout > 0.0) as usize;
    // the last layer's two directions are selected from, and then stand side by side
    net.layers.saturating_mul(3).saturating_add(1 + 2 + dropout + 1)
}

/// Rows of the words, recurrent layers in both directions, the state of each direction behind its
/// last word (the text's last, and its first), and a classifier: [`text_rnn_nodes`] layers.
#[track_caller]
pub const fn text_rnn<const N: usize>(g: Graph<N>, net: TextRnn) -> Graph<N> {
    let mut g = g.padded_embedding(net.vocabulary, net.width).name("embedding");
    let words = match g.shape(g.here()) {
        Some(shape) => shape.pixels() as u32,
        None => 1,
    };
    let mut layer = 0;
    while layer < net.layers && layer < N {
        let last = layer + 1 == net.layers;
        let below = g.here();
        g = g.then(net.cell.layer(net.hidden, true)).name("reverse.*");
        if last {
            g = g.select(0);
        }
        let reverse = g.here();
        g = g.at(below).then(net.cell.layer(net.hidden, false)).name("forward.*");
        if last {
            g = g.select(words.saturating_sub(1));
        }
        g = g.concat(reverse);
        layer += 1;
    }
    dropped(g, net.dropout).dense(net.classes).role(Role::Head).name("fc").cross_entropy(0.0)
}
