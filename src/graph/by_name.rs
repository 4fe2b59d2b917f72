//! The layers by name, with the sizes that are usual.

use super::{Graph, GraphError, Value};
use crate::layer::{
    Add, AveragePool, BatchNorm, Conv2d, Dense, Flatten, Gelu, GlobalAveragePool, Layer, LayerNorm,
    LeakyRelu, MaxPool, Misfit, Multiplier, Padding, Relu, ScalarBias, Shortcut, Sigmoid, Tanh,
};

impl<const N: usize> Graph<N> {
    /// A fully connected layer with a bias.
    #[track_caller]
    pub const fn dense(self, out: u32) -> Self {
        self.then(Layer::Dense(Dense { out, bias: true }))
    }

    /// A convolution with a square kernel of odd size, stride 1 and a bias, that keeps height and
    /// width. For others, use [`Graph::then`].
    #[track_caller]
    pub const fn conv2d(self, out: u32, kernel: u32) -> Self {
        if kernel.is_multiple_of(2) && self.error.is_none() {
            let (node, misfit) = (self.len, Misfit::EvenKernel);
            let input = match self.shape(self.here) {
                Some(input) => input,
                None => self.input,
            };
            return self.wrong(GraphError::Layer { node, input, misfit });
        }
        self.then(Layer::Conv2d(Conv2d::same(out, kernel)))
    }

    /// Normalisation over the batch, with PyTorch's ε = 1e-5 and momentum 0.1.
    #[track_caller]
    pub const fn batch_norm(self) -> Self {
        self.then(Layer::BatchNorm(BatchNorm { eps: 1e-5, momentum: 0.1 }))
    }

    /// Normalisation of each pixel over its channels, with PyTorch's ε = 1e-5.
    #[track_caller]
    pub const fn layer_norm(self) -> Self {
        self.then(Layer::LayerNorm(LayerNorm { eps: 1e-5 }))
    }

    /// max(0, x).
    #[track_caller]
    pub const fn relu(self) -> Self {
        self.then(Layer::Relu(Relu))
    }

    /// x, or `slope` · x below zero; the slope is positive.
    #[track_caller]
    pub const fn leaky_relu(self, slope: f32) -> Self {
        self.then(Layer::LeakyRelu(LeakyRelu { slope }))
    }

    /// The hyperbolic tangent.
    #[track_caller]
    pub const fn tanh(self) -> Self {
        self.then(Layer::Tanh(Tanh))
    }

    /// The logistic function.
    #[track_caller]
    pub const fn sigmoid(self) -> Self {
        self.then(Layer::Sigmoid(Sigmoid))
    }

    /// The Gaussian error linear unit.
    #[track_caller]
    pub const fn gelu(self) -> Self {
        self.then(Layer::Gelu(Gelu))
    }

    /// One trained number added to everything (Fixup).
    #[track_caller]
    pub const fn scalar_bias(self) -> Self {
        self.then(Layer::ScalarBias(ScalarBias))
    }

    /// One trained number multiplied with everything (Fixup, SkipInit, ReZero).
    #[track_caller]
    pub const fn multiplier(self) -> Self {
        self.then(Layer::Multiplier(Multiplier))
    }

    /// The largest of each window; windows are `size` × `size` and do not overlap.
    #[track_caller]
    pub const fn max_pool(self, size: u32) -> Self {
        self.then(Layer::MaxPool(MaxPool { kernel: [size, size], stride: [size, size] }))
    }

    /// The mean of each window; windows are `size` × `size` and do not overlap.
    #[track_caller]
    pub const fn average_pool(self, size: u32) -> Self {
        self.then(Layer::AveragePool(AveragePool { kernel: [size, size], stride: [size, size] }))
    }

    /// The mean of each channel.
    #[track_caller]
    pub const fn global_average_pool(self) -> Self {
        self.then(Layer::GlobalAveragePool(GlobalAveragePool))
    }

    /// The shortcut without weights: every `stride`-th pixel, zeros behind its channels.
    #[track_caller]
    pub const fn shortcut(self, channels: u32, stride: u32) -> Self {
        self.then(Layer::Shortcut(Shortcut { channels, stride, padding: Padding::Behind }))
    }

    /// A picture read as a vector.
    #[track_caller]
    pub const fn flatten(self) -> Self {
        self.then(Layer::Flatten(Flatten))
    }

    /// The sum of the latest value and another of its shape.
    #[track_caller]
    pub const fn add(self, other: Value) -> Self {
        self.push(Layer::Add(Add), Some(other))
    }
}
