//! The networks of firmware: on digits of 8×8 pixels, and along the windows of a sensor. Each is a type
//! without values: an engine for it links its layers and no others.

use idinit::{
    graph::{Graph, Role, Value},
    layer::{AveragePool, Conv2d, Layer, LayerSet, Uses},
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

/// An autoencoder of readings, 64-24-64 and 3,160 weights, under the squared error: what a device learns of how
/// its sensor usually reads.
pub enum Autoencoder {}

impl Autoencoder {
    /// Its layers.
    pub const GRAPH: Graph<3> =
        Graph::input(Shape::vector(64)).dense(24).relu().dense(64).squared_error();
}

impl Uses for Autoencoder {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// A stem, a residual block of 8 channels without norms, and a classifier of their means, on pictures of 16 × 16.
pub enum Large {}

impl Large {
    /// Its layers.
    pub const GRAPH: Graph<8> = {
        let g = Graph::input(Shape::hwc(16, 16, 1)).conv2d(8, 3).relu();
        let skip = g.here();
        let g = g.conv2d(8, 3).role(Role::Branch).relu();
        let g = g.conv2d(8, 3).role(Role::BranchEnd).add(skip);
        g.global_average_pool().dense(CLASSES as u32).role(Role::Head).cross_entropy(0.0)
    };
}

impl Uses for Large {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// One number from another, 1-16-16-1 with rectifiers: the sine.
pub enum Sine {}

impl Sine {
    /// Its layers.
    pub const GRAPH: Graph<5> =
        Graph::input(Shape::vector(1)).dense(16).relu().dense(16).relu().dense(1).squared_error();
}

impl Uses for Sine {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// The layers that the others lack, once each, under labels that are smoothed.
pub enum Others {}

impl Others {
    /// Its layers.
    pub const GRAPH: Graph<16> = {
        let g = Graph::input(DIGIT).conv2d(4, 3).batch_norm().leaky_relu(0.1);
        let skip = g.here();
        let halves = Conv2d { stride: [2, 2], groups: 2, ..Conv2d::same(8, 3) };
        let g = g.then(Layer::Conv2d(halves)).role(Role::BranchEnd).layer_norm().gelu();
        let g = g.scalar_bias().multiplier();
        let branch = g.here();
        let pairs = AveragePool { kernel: [1, 2], stride: [1, 1] };
        g.at(skip)
            .shortcut(8, 2)
            .add(branch)
            .tanh()
            .masked_relu()
            .max_pool(2)
            .then(Layer::AveragePool(pairs))
            .global_average_pool()
            .dense(CLASSES as u32)
            .role(Role::Head)
            .cross_entropy(0.1)
    };
}

impl Uses for Others {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// The layers of texts, transformers and squeeze-and-excitation, over a picture of 64 tokens 0 and 1.
pub enum Tokens {}

impl Tokens {
    /// Its layers.
    pub const GRAPH: Graph<13> = {
        let g = Graph::input(DIGIT).padded_embedding(2, 2).positions();
        let embedded = g.here();
        let g = g.rms_norm().linear(12).masked_attention(2, true, Value::INPUT).dropout(0.5);
        let g = g.concat(embedded);
        let both = g.here();
        let g = g.global_average_pool().sigmoid();
        let scales = g.here();
        let g = g.at(both).scale_channels(scales).class_token().select(0);
        g.dense(CLASSES as u32).role(Role::Head).cross_entropy(0.0)
    };
}

impl Uses for Tokens {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// The recurrent layers, over a picture of 64 tokens of one number.
pub enum Recurrent {}

impl Recurrent {
    /// Its layers.
    pub const GRAPH: Graph<5> = {
        let g = Graph::input(DIGIT).rnn(3).gru(2).lstm(3).select(63);
        g.dense(CLASSES as u32).role(Role::Head).cross_entropy(0.0)
    };
}

impl Uses for Recurrent {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// A picture read as a vector, and one layer, under the squared error.
pub enum Squared {}

impl Squared {
    /// Its layers.
    pub const GRAPH: Graph<3> =
        Graph::input(DIGIT).flatten().dense(CLASSES as u32).sigmoid().squared_error();
}

impl Uses for Squared {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// A convolution of one row, with `kernel` numbers of it.
const fn along(out: u32, kernel: u32, stride: u32) -> Layer {
    Layer::Conv2d(Conv2d {
        out,
        kernel: [1, kernel],
        stride: [1, stride],
        padding: [0, kernel / 2],
        groups: 1,
        bias: true,
    })
}

/// Along time: a stem, a residual block of 16 channels, one more convolution, a mean and a classifier. Both
/// convolutions outside of the block halve the time.
const fn series(steps: u32, axes: u32, classes: u32) -> Graph<11> {
    let g = Graph::input(Shape::hwc(1, steps, axes)).then(along(16, 5, 2)).name("stem").relu();
    let skip = g.here();
    let g = g.then(along(16, 5, 1)).role(Role::Branch).name("branch").relu();
    let g = g.then(along(16, 5, 1)).role(Role::BranchEnd).name("end").add(skip).relu();
    let g = g.then(along(24, 5, 2)).name("wide").relu();
    g.global_average_pool().dense(classes).role(Role::Head).name("head").cross_entropy(0.0)
}

/// Seven exercises, from 50 samples of six axes of a watch: 5,207 weights.
pub enum Gestures {}

impl Gestures {
    /// Its layers.
    pub const GRAPH: Graph<11> = series(50, Self::AXES, Self::CLASSES as u32);
    /// How many exercises there are.
    pub const CLASSES: usize = 7;
    /// Numbers of a sample.
    pub const AXES: u32 = 6;
    /// Numbers of a window.
    pub const WINDOW: usize = Self::GRAPH.input_shape().len();
}

impl Uses for Gestures {
    const SET: LayerSet = Self::GRAPH.uses();
}

/// Ten spoken digits, from 32 frames of 13 cepstral coefficients: 5,842 weights.
pub enum Spoken {}

impl Spoken {
    /// Its layers.
    pub const GRAPH: Graph<11> = series(32, Self::AXES, CLASSES as u32);
    /// Cepstral coefficients of a frame.
    pub const AXES: u32 = 13;
    /// Numbers of a window.
    pub const WINDOW: usize = Self::GRAPH.input_shape().len();
}

impl Uses for Spoken {
    const SET: LayerSet = Self::GRAPH.uses();
}
