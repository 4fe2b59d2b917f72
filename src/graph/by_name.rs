//! The layers by name, with the sizes that are usual.

use super::{Graph, GraphError, Value};
use crate::layer::{
    Add, Attention, AveragePool, BatchNorm, ChannelScale, ClassToken, Concat, Conv2d, Dense,
    Dropout, Embedding, Flatten, Gelu, GlobalAveragePool, Gru, Layer, LayerNorm, LeakyRelu, Lstm,
    MaskedRelu, MaxPool, Misfit, Multiplier, Padding, Positions, Relu, RmsNorm, Rnn, ScalarBias,
    Select, Shortcut, Sigmoid, Tanh,
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

    /// max(0, x), of which the backward pass reads a bit of each number; [`Mode::masked`](crate::plan::Mode::masked) puts
    /// it into a plan.
    #[track_caller]
    pub const fn masked_relu(self) -> Self {
        self.then(Layer::MaskedRelu(MaskedRelu))
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
        self.then(Layer::MaxPool(MaxPool {
            kernel: [size, size],
            stride: [size, size],
            padding: [0, 0],
        }))
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

    /// The same fully connected layer for each pixel, with a bias: what PyTorch's `Linear` does to a
    /// line of tokens. It is a convolution of one tap.
    #[track_caller]
    pub const fn linear(self, out: u32) -> Self {
        self.then(Layer::Conv2d(Conv2d::same(out, 1)))
    }

    /// A convolution over a line of tokens with a bias, without padding: `kernel` tokens at a time.
    #[track_caller]
    pub const fn conv1d(self, out: u32, kernel: u32) -> Self {
        let conv = Conv2d { kernel: [1, kernel], padding: [0, 0], ..Conv2d::same(out, 1) };
        self.then(Layer::Conv2d(conv))
    }

    /// Rows of `width` numbers for each of `count` tokens.
    #[track_caller]
    pub const fn embedding(self, count: u32, width: u32) -> Self {
        self.then(Layer::Embedding(Embedding { count, width, padding: false }))
    }

    /// Rows of `width` numbers for each of `count` tokens, of which token 0 fills lines up.
    #[track_caller]
    pub const fn padded_embedding(self, count: u32, width: u32) -> Self {
        self.then(Layer::Embedding(Embedding { count, width, padding: true }))
    }

    /// A learned row of its own added to each pixel.
    #[track_caller]
    pub const fn positions(self) -> Self {
        self.then(Layer::Positions(Positions))
    }

    /// A learned pixel put before all others.
    #[track_caller]
    pub const fn class_token(self) -> Self {
        self.then(Layer::ClassToken(ClassToken))
    }

    /// One pixel of each example.
    #[track_caller]
    pub const fn select(self, pixel: u32) -> Self {
        self.then(Layer::Select(Select { pixel }))
    }

    /// Normalisation of each pixel by its root mean square, with ε = 1e-6.
    #[track_caller]
    pub const fn rms_norm(self) -> Self {
        self.then(Layer::RmsNorm(RmsNorm { eps: 1e-6 }))
    }

    /// Numbers dropped in training with a probability.
    #[track_caller]
    pub const fn dropout(self, probability: f32) -> Self {
        self.then(Layer::Dropout(Dropout { probability }))
    }

    /// Multi-head attention over queries, keys and values that lie side by side, 3 d channels.
    #[track_caller]
    pub const fn attention(self, heads: u32, causal: bool) -> Self {
        self.then(Layer::Attention(Attention { heads, causal }))
    }

    /// Multi-head attention to those tokens that are not 0.
    #[track_caller]
    pub const fn masked_attention(self, heads: u32, causal: bool, tokens: Value) -> Self {
        self.push(Layer::Attention(Attention { heads, causal }), Some(tokens))
    }

    /// A plain recurrent layer.
    #[track_caller]
    pub const fn rnn(self, hidden: u32) -> Self {
        self.then(Layer::Rnn(Rnn { hidden, reverse: false }))
    }

    /// A gated recurrent unit.
    #[track_caller]
    pub const fn gru(self, hidden: u32) -> Self {
        self.then(Layer::Gru(Gru { hidden, reverse: false }))
    }

    /// A long short-term memory.
    #[track_caller]
    pub const fn lstm(self, hidden: u32) -> Self {
        self.then(Layer::Lstm(Lstm { hidden, reverse: false }))
    }

    /// The channels of the latest value, and behind them those of another.
    #[track_caller]
    pub const fn concat(self, other: Value) -> Self {
        self.push(Layer::Concat(Concat), Some(other))
    }

    /// Each channel of the latest value multiplied by its number in another.
    #[track_caller]
    pub const fn scale_channels(self, scales: Value) -> Self {
        self.push(Layer::ChannelScale(ChannelScale), Some(scales))
    }
}
