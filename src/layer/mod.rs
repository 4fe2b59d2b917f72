//! What a network is made of: a folder for each layer, with what it is in `mod.rs` (sizes, weights,
//! equations) and what it computes in `portable.rs`, in a fixed order of summation.
//!
//! Two rules hold for every layer, and residual connections then need nothing special:
//! *forward writes, backward adds*. Forward writes all of its output; backward adds to the gradient
//! of its input, and hands the finished gradients of its weights to a [`Move`].
//!
//! A layer that works *in place* (an activation, a norm) finds its input already in `y` and
//! replaces it; backward, it finds the gradient of its output in `dy` and turns it into the
//! gradient of its input. The engine copies or adds where two values cannot share a place.

#[cfg(feature = "std")]
mod activation;
pub(crate) mod bias;
#[cfg(feature = "std")]
mod channels;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(feature = "std")]
mod examples;
#[cfg(feature = "std")]
mod host;
mod matrix;
#[cfg(feature = "std")]
mod product;
mod recurrent;
#[cfg(feature = "std")]
mod scalar;
mod set;
mod window;

#[cfg(feature = "cuda")]
pub(crate) use host::TAME;
#[cfg(feature = "std")]
pub(crate) use host::{Host, RUN};
pub use set::{All, LayerSet, Uses};

use crate::rule::Dims;
use crate::shape::Shape;
use crate::update::{Move, Moves};

/// What a layer has to say about one of its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The dimensions of the weight.
    pub dims: Dims,
    /// What the weight is for.
    pub kind: PartKind,
}

impl Part {
    const fn new(dims: Result<Dims, crate::rule::DimsError>, kind: PartKind) -> Option<Self> {
        match dims {
            Ok(dims) => Some(Self { dims, kind }),
            Err(_) => None,
        }
    }

    /// `n` numbers that are not a matrix: biases, gains, statistics.
    const fn vector(n: u32, kind: PartKind) -> Option<Self> {
        Self::new(Dims::dense(n, 1), kind)
    }
}

/// What a weight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PartKind {
    /// A matrix or a kernel: what a start is about.
    Weight,
    /// Rows that are looked up and not multiplied: embeddings, positions, a class token.
    Table,
    /// Added to the output; zero at the start.
    Bias,
    /// The scale of a norm; one at the start.
    Gain,
    /// The scalar that multiplies a branch; one at the start.
    Multiplier,
    /// A running mean; zero at the start, never trained.
    RunningMean,
    /// A running variance; one at the start, never trained.
    RunningVariance,
}

impl PartKind {
    /// Whether training moves the weight (running statistics only follow the data).
    pub const fn is_trained(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }
}

/// Which weights of a layer are trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Trained {
    /// None.
    #[default]
    Nothing,
    /// Its bias, beside a matrix or a kernel that stays as it is.
    Bias,
    /// All of them (running statistics only follow the data).
    All,
}

impl Trained {
    /// Whether any weight is trained.
    pub const fn any(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Whether all are.
    pub const fn all(self) -> bool {
        matches!(self, Self::All)
    }

    /// Whether a weight for this is one of those that are trained.
    pub const fn moves(self, kind: PartKind) -> bool {
        match self {
            Self::Nothing => false,
            Self::Bias => matches!(kind, PartKind::Bias),
            Self::All => kind.is_trained(),
        }
    }
}

/// What a layer needs of memory while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Output and input may share a place, and so may their gradients.
    pub in_place: bool,
    /// Backward reads the input.
    pub reads_x: bool,
    /// Backward reads the output.
    pub reads_y: bool,
}

impl Style {
    const fn apart(reads_x: bool) -> Self {
        Self { in_place: false, reads_x, reads_y: false }
    }

    const fn in_place(reads_x: bool, reads_y: bool) -> Self {
        Self { in_place: true, reads_x, reads_y }
    }
}

/// Why a layer does not fit its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Misfit {
    /// A size of the layer is zero.
    Zero,
    /// The kernel is larger than the padded input.
    Kernel,
    /// The padding of a maximum is more than half its window.
    Padding,
    /// The groups do not divide the channels of input and output.
    Groups,
    /// The shortcut has fewer channels than its input.
    Channels,
    /// The operands of an addition differ in shape.
    Operands,
    /// A kernel of even size cannot keep height and width.
    EvenKernel,
    /// An embedding wants tokens: one number in each pixel.
    Tokens,
    /// There is no pixel of that number.
    Pixel,
    /// Attention wants queries, keys and values of as many channels each, which its heads divide.
    Heads,
    /// A setting cannot work: an ε that is negative, a momentum or a probability outside of 0 … 1,
    /// a slope that is not positive.
    Setting,
    /// The input, the output or the weights have too many numbers (see [`Shape::MOST`]).
    TooLarge,
}

impl Misfit {
    /// What is wrong, in words.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Zero => "a size of the layer is zero",
            Self::Kernel => "the kernel is larger than the padded input",
            Self::Padding => "the padding of a maximum is more than half its window",
            Self::Groups => "the groups do not divide the channels",
            Self::Channels => "a shortcut cannot have fewer channels than its input",
            Self::Operands => "the operands of an addition differ in shape",
            Self::EvenKernel => "a kernel of even size cannot keep height and width",
            Self::Tokens => "an embedding wants tokens, one number in each pixel",
            Self::Pixel => "there is no pixel of that number",
            Self::Heads => "attention wants 3 d channels, and heads that divide d",
            Self::Setting => {
                "an ε is negative, a momentum or a probability not within 0 … 1, or a slope not \
                 positive"
            }
            Self::TooLarge => "the output or the weights are too large",
        }
    }
}

/// What the chance of a forward pass depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chance {
    /// The seed of the run.
    pub seed: u64,
    /// The number of the step.
    pub step: u64,
    /// The number of the layer.
    pub node: u32,
}

impl Chance {
    pub(crate) const NONE: Self = Self { seed: 0, step: 0, node: 0 };
}

/// One forward pass of one layer over a batch.
pub(crate) struct Forward<'a> {
    /// Shape of one input.
    pub input: &'a Shape,
    /// Shape of one output.
    pub output: &'a Shape,
    /// The input, `[batch, input]`; empty for a layer in place.
    pub x: &'a [f32],
    /// The second operand, for a layer that has two.
    pub second: &'a [f32],
    /// All weights of the layer, one part after the other.
    pub w: &'a [f32],
    /// What backward will want to know; empty when there will be no backward pass.
    pub saved: &'a mut [f32],
    /// The output, `[batch, output]`, all of it written.
    pub y: &'a mut [f32],
    /// For a layer that draws lots in training.
    pub chance: &'a Chance,
}

/// One backward pass of one layer over a batch.
pub(crate) struct Backward<'a, M> {
    /// Shape of one input.
    pub input: &'a Shape,
    /// Shape of one output.
    pub output: &'a Shape,
    /// The input, if the layer reads it.
    pub x: &'a [f32],
    /// The output, if the layer reads it.
    pub y: &'a [f32],
    /// The second operand, if the layer has one and reads its input. (A sum does not.)
    pub second: &'a [f32],
    /// What forward saved.
    pub saved: &'a mut [f32],
    /// The gradient of the output. In place, it becomes the gradient of the input.
    pub dy: &'a mut [f32],
    /// The gradient of the input, added to; empty when nobody wants it, or in place.
    pub dx: &'a mut [f32],
    /// The gradient of the second operand, added to; empty when nobody wants it. (That of a sum is
    /// the engine's work.)
    pub d_second: &'a mut [f32],
    /// The weights, and how they move.
    pub weights: Weights<'a, M>,
}

/// The weights of one layer during its backward pass.
pub(crate) struct Weights<'a, M> {
    /// All weights of the layer, one part after the other.
    pub w: &'a mut [f32],
    /// The update's state for the trained parts, `M::STATE` numbers a weight.
    pub state: &'a mut [f32],
    /// How they move.
    pub moves: &'a Moves<M>,
    /// Whether these weights move at all.
    pub trained: bool,
}

impl<M: Move> Weights<'_, M> {
    /// The `n` weights from index `at` on, and their state.
    #[inline(always)]
    fn run(&mut self, at: usize, n: usize) -> Option<(&mut [f32], &mut [f32])> {
        let w = self.w.get_mut(at..)?.get_mut(..n)?;
        Some((w, self.state.get_mut(at * M::STATE..)?.get_mut(..n * M::STATE)?))
    }

    /// Where the sums of gradients of weights from index `at` on begin.
    #[inline(always)]
    fn begin(&self, at: usize, sums: &mut [f32]) {
        M::begin(self.state.get(at * M::STATE..).unwrap_or_default(), sums);
    }

    /// [`begin`](Self::begin), for a few of them.
    #[inline(always)]
    fn begun<const T: usize>(&self, at: usize) -> [f32; T] {
        let mut sums = [0.0; T];
        self.begin(at, &mut sums);
        sums
    }

    #[inline(always)]
    fn go(&mut self, how: M, at: usize, n: usize, g: impl Iterator<Item = f32>) {
        if let Some((w, state)) = self.run(at, n) {
            how.apply(w, state, g);
        }
    }

    /// Moves `n` weights of a matrix or a table, from index `at` on, by their gradients `g`.
    #[inline(always)]
    pub fn apply(&mut self, at: usize, n: usize, g: impl Iterator<Item = f32>) {
        self.go(self.moves.matrix, at, n, g);
    }

    /// Moves `n` biases or gains, from index `at` on, by their gradients `g`.
    #[inline(always)]
    pub fn apply_vector(&mut self, at: usize, n: usize, g: impl Iterator<Item = f32>) {
        self.go(self.moves.vector, at, n, g);
    }

    /// The same for gradients that began at 0, whatever [`begin`](Self::begin) says.
    #[inline(always)]
    pub fn apply_part(&mut self, at: usize, n: usize, g: impl Iterator<Item = f32>) {
        let how = self.moves.vector;
        if let Some((w, state)) = self.run(at, n) {
            how.apply_part(w, state, g);
        }
    }

    /// Moves `n` weights of a table, from index `at` on, which had no part in the batch.
    #[inline(always)]
    pub fn apply_zeros(&mut self, at: usize, n: usize) {
        let how = self.moves.matrix;
        if let Some((w, state)) = self.run(at, n) {
            how.apply_zeros(w, state);
        }
    }

    /// Moves the only weight by its gradient `g`.
    #[inline(always)]
    pub fn apply_scalar(&mut self, g: f32) {
        self.go(self.moves.scalar, 0, 1, [g].into_iter());
    }

    /// Moves the matrix at the front of the weights by g xᵀ.
    #[inline(always)]
    pub fn apply_outer(&mut self, g: &[f32], x: &[f32]) {
        self.moves.matrix.apply_outer(self.w, self.state, g, x);
    }
}

/// A layer without weights that keeps nothing between forward and backward.
macro_rules! weightless {
    ($name:ident) => {
        impl $name {
            pub(super) const fn part(&self, _: Shape, _: usize) -> Option<super::Part> {
                None
            }

            pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
                (0, 0)
            }
        }
    };
}

/// A weightless layer that maps number by number, and so keeps the shape.
macro_rules! elementwise {
    ($name:ident, $style:expr) => {
        use crate::shape::Shape;

        weightless!($name);

        impl $name {
            pub(super) const STYLE: Style = $style;

            pub(super) const fn output(
                &self,
                x: Shape,
                _: Option<Shape>,
            ) -> Result<Shape, super::Misfit> {
                Ok(x)
            }
        }
    };
}

/// The registry: a layer is added by its folder and one line here.
macro_rules! layers {
    ($($(#[$doc:meta])* $name:ident $folder:ident,)*) => {
        $(mod $folder; pub use $folder::$name;)*

        /// One layer with its sizes.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Layer { $($(#[$doc])* $name($name),)* }

        /// The name of a layer, without its sizes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every layer there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Whether the layer's weight is a single number.
            pub(crate) const fn is_scalar(self) -> bool {
                matches!(self, Self::ScalarBias | Self::Multiplier)
            }

            /// The name of the layer's folder.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($folder),)* }
            }
        }

        impl Layer {
            /// Which layer it is.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)* }
            }

            /// Whether gradients have grown too large inside of the layer, so that it did not move:
            /// on their way back through tokens. It says so by a gradient `dy` that is NaN.
            pub(crate) fn gave_up(&self, dy: &[f32]) -> bool {
                matches!(self, Self::Rnn(_) | Self::Gru(_) | Self::Lstm(_))
                    && dy.first().is_some_and(|dy| dy.is_nan())
            }

            /// The shape of the output for inputs of this shape (and, for a layer of two
            /// operands, a second one of that shape).
            pub const fn output(&self, x: Shape, second: Option<Shape>) -> Result<Shape, Misfit> {
                let y = match self {
                    _ if !x.fits() => Err(Misfit::TooLarge),
                    $(Self::$name(layer) => layer.output(x, second),)*
                };
                match y {
                    Ok(y) if !y.fits() => Err(Misfit::TooLarge),
                    y => y,
                }
            }

            /// The weight number `part` of the layer, if there are so many.
            pub const fn part(&self, x: Shape, part: usize) -> Option<Part> {
                match self { $(Self::$name(layer) => layer.part(x, part),)* }
            }

            /// [`style`](Self::style), in a binary that links only the layers `S`.
            pub(crate) fn linked_style<S: Uses>(&self, trained: Trained) -> Style {
                match self {
                    Self::BatchNorm(_) if !trained.any() => Style::in_place(false, false),
                    Self::Dense(_) | Self::Conv2d(_) if !trained.all() => Style::apart(false),
                    $(Self::$name(_) if const { S::SET.has(Kind::$name) } => $name::STYLE,)*
                    _ => Style::in_place(false, false),
                }
            }

            /// Whether the layer works in place, in a binary that links only the layers `S`.
            pub(crate) fn works_in_place<S: Uses>(&self) -> bool {
                match self {
                    $(Self::$name(_) => const { !S::SET.has(Kind::$name) || $name::STYLE.in_place },)*
                }
            }

            /// [`part`](Self::part), in a binary that links only the layers `S`.
            #[inline(always)]
            pub(crate) fn linked_part<S: Uses>(&self, x: Shape, part: usize) -> Option<Part> {
                match self {
                    $(Self::$name(layer) => match const { S::SET.has(Kind::$name) } {
                        true => layer.part(x, part),
                        false => None,
                    },)*
                }
            }

            /// How many numbers backward wants kept or needs for scratch, beside input and output:
            /// for each example, and once for a batch, behind those of the examples.
            ///
            /// A frozen batch norm uses its running statistics and keeps nothing.
            pub(crate) const fn saved(&self, x: Shape, trained: Trained) -> (usize, usize) {
                match self {
                    Self::BatchNorm(_) if !trained.any() => (0, 0),
                    $(Self::$name(layer) => layer.saved(x),)*
                }
            }

            /// What the layer needs of memory. A frozen batch norm does not look back, and only the
            /// gradient of a matrix or a kernel needs its input.
            pub(crate) const fn style(&self, trained: Trained) -> Style {
                match self {
                    Self::BatchNorm(_) if !trained.any() => Style::in_place(false, false),
                    Self::Dense(_) | Self::Conv2d(_) if !trained.all() => Style::apart(false),
                    $(Self::$name(_) => $name::STYLE,)*
                }
            }

            #[inline(always)]
            pub(crate) fn forward<S: Uses>(&self, io: Forward<'_>) {
                match self {
                    $(Self::$name(layer) => if const { S::SET.has(Kind::$name) } {
                        layer.forward(io)
                    },)*
                }
            }

            #[inline(always)]
            pub(crate) fn backward<S: Uses, M: Move>(&self, io: Backward<'_, M>) {
                match self {
                    $(Self::$name(layer) => if const { S::SET.has(Kind::$name) } {
                        layer.backward(io)
                    },)*
                }
            }
        }
    };
}

layers! {
    /// A fully connected layer.
    Dense dense,
    /// A convolution.
    Conv2d conv2d,
    /// Normalisation over the batch.
    BatchNorm batch_norm,
    /// Normalisation over an example's channels.
    LayerNorm layer_norm,
    /// max(0, x).
    Relu relu,
    /// max(0, x), of which the backward pass reads a bit of each number.
    MaskedRelu masked_relu,
    /// x, or a fraction of it below zero.
    LeakyRelu leaky_relu,
    /// The hyperbolic tangent.
    Tanh tanh,
    /// The logistic function.
    Sigmoid sigmoid,
    /// The Gaussian error linear unit.
    Gelu gelu,
    /// The sum of two values.
    Add add,
    /// One number added to everything.
    ScalarBias scalar_bias,
    /// One number multiplied with everything.
    Multiplier multiplier,
    /// The largest of each window.
    MaxPool max_pool,
    /// The mean of each window.
    AveragePool average_pool,
    /// The mean of each channel.
    GlobalAveragePool global_average_pool,
    /// The shortcut without weights.
    Shortcut shortcut,
    /// A picture read as a vector.
    Flatten flatten,
    /// Rows of a table, looked up by tokens.
    Embedding embedding,
    /// A row of its own added to each pixel.
    Positions positions,
    /// A learned pixel before all others.
    ClassToken class_token,
    /// One pixel of each example.
    Select select,
    /// The channels of two values side by side.
    Concat concat,
    /// Each channel multiplied by a number of its own.
    ChannelScale channel_scale,
    /// Normalisation by the root mean square of the channels.
    RmsNorm rms_norm,
    /// Numbers dropped at random in training.
    Dropout dropout,
    /// Multi-head attention.
    Attention attention,
    /// A plain recurrent layer.
    Rnn rnn,
    /// A gated recurrent unit.
    Gru gru,
    /// A long short-term memory.
    Lstm lstm,
}

pub use shortcut::Padding;
