//! The networks that firmware trains on the digits of 8×8 pixels. Each is a type without values: an
//! engine for it links its layers and no others.

use idinit::{
    graph::Graph,
    layer::{LayerSet, Uses},
    model::{self, Activation},
    shape::Shape,
};

/// A picture of a digit.
const DIGIT: Shape = Shape::hwc(8, 8, 1);
/// How many kinds of digits there are.
pub const CLASSES: usize = 10;

/// Fully connected, 64-32-32-10.
pub enum Mlp {}

impl Mlp {
    /// Its layers.
    pub const GRAPH: Graph<5> =
        model::mlp(Graph::input(Shape::vector(64)), &[32, 32], Activation::Relu, CLASSES as u32);
}

impl Uses for Mlp {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// Two convolutions of 8 channels and a classifier.
pub enum Cnn {}

impl Cnn {
    /// Its layers.
    pub const GRAPH: Graph<6> = model::cnn(Graph::input(DIGIT), 8, CLASSES as u32);
}

impl Uses for Cnn {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// A stem, two residual blocks of 8 channels without norms, and a classifier.
pub enum Residual {}

impl Residual {
    /// Its layers.
    pub const GRAPH: Graph<15> = model::residual(Graph::input(DIGIT), 8, 2, CLASSES as u32);
}

impl Uses for Residual {
    const SET: LayerSet = Self::GRAPH.uses();
}
