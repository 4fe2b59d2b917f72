//! TextCNN: convolutions over a line of words, and the largest number of each channel over time
//! (Kim 2014).

use super::transformer::dropped;
use crate::graph::{Graph, Role};
use crate::layer::{Layer, MaxPool};

/// What can be chosen about [`text_cnn`]. How many words a text has is the width of the graph's
/// input, `Shape::hwc(1, words, 1)`; word 0 fills texts up.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TextCnn {
    /// How many words there are.
    pub vocabulary: u32,
    /// Channels of a word.
    pub width: u32,
    /// Words that the three sorts of convolutions see at a time.
    pub kernels: [u32; 3],
    /// Channels of each sort.
    pub filters: u32,
    /// The probability of a number's being dropped before the classifier.
    pub dropout: f32,
    /// Outputs.
    pub classes: u32,
}

impl TextCnn {
    /// Kim 2014, §3.1 (kernels 3, 4 and 5, 100 filters of each, dropout 0.5), with word vectors of
    /// 50 numbers.
    pub const KIM: Self = Self {
        vocabulary: 20_000,
        width: 50,
        kernels: [3, 4, 5],
        filters: 100,
        dropout: 0.5,
        classes: 2,
    };
}

impl Default for TextCnn {
    fn default() -> Self {
        Self::KIM
    }
}

/// How many layers [`text_cnn`] has.
pub const fn text_cnn_nodes(net: TextCnn) -> usize {
    1 + 3 * 3 + 2 + (net.dropout > 0.0) as usize + 1
}

/// Rows of the words, a convolution of each sort with its maximum over time and a rectifier, their
/// channels side by side, and a classifier: [`text_cnn_nodes`] layers.
///
/// The rectifier stands behind the maximum: the two commute, and it then has less work.
#[track_caller]
pub const fn text_cnn<const N: usize>(g: Graph<N>, net: TextCnn) -> Graph<N> {
    let mut g = g.padded_embedding(net.vocabulary, net.width).name("embedding");
    let words = g.here();
    let mut before = None;
    let mut i = 0;
    while i < net.kernels.len() {
        g = g.at(words).conv1d(net.filters, net.kernels[i]).name("convs.*");
        let steps = match g.shape(g.here()) {
            Some(shape) => shape.width,
            None => 1,
        };
        g = g
            .then(Layer::MaxPool(MaxPool { kernel: [1, steps], stride: [1, 1], padding: [0, 0] }))
            .relu();
        let here = g.here();
        if let Some(before) = before {
            g = g.at(before).concat(here);
        }
        before = Some(g.here());
        i += 1;
    }
    dropped(g, net.dropout).dense(net.classes).role(Role::Head).name("fc").cross_entropy(0.0)
}
