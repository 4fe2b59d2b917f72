//! A quantised network as data: layers with their numbers, for flash.

use super::fixed::Multiplier;
use crate::math;
use crate::rule::{Dims, Exact};
use crate::shape::Shape;

/// What the whole numbers of a value mean: real = `scale` · (number − `zero`).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Affine {
    /// The step from one number to the next.
    pub scale: f32,
    /// The number that means 0.
    pub zero: i8,
}

impl Affine {
    /// The number next to a real one; halves go away from 0, and what is beyond the ends, to an end.
    #[inline]
    pub fn quantize(self, real: f32) -> i8 {
        // not a number is 0
        (math::round(real / self.scale) + i32::from(self.zero)).clamp(-128, 127) as i8
    }

    /// What a number means.
    #[inline]
    pub fn dequantize(self, number: i8) -> f32 {
        self.scale * (i32::from(number) - i32::from(self.zero)) as f32
    }
}

/// What belongs to one output of a dense layer or a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Channel {
    /// Added to the sum of products of the whole numbers: the layer's bias less what the zero of the input
    /// adds to that sum, bias − zero · Σ w. Its step is that of the input times that of the weights. (What is
    /// outside of a picture counts as the zero of the input.)
    pub bias: i32,
    /// That step, divided by the step of the output.
    pub multiplier: Multiplier,
}

impl Channel {
    /// A channel by its numbers: the bias, and the multiplier's mantissa and shift.
    pub const fn new(bias: i32, mantissa: i32, shift: i8) -> Self {
        Self { bias, multiplier: Multiplier { mantissa, shift } }
    }
}

/// The weights of a layer, from −127 to 127.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weights<'a> {
    /// In the order in which they are multiplied. Of a depthwise convolution that is `[kh][kw][out]`. Of
    /// others, and of dense layers, it is `[out][kh][kw][in]`, but that of four outputs of a group which
    /// follow each other, four numbers of each take turns, and then one of each: `[out / 4][row / 4][4][4]`.
    Stored(&'a [i8]),
    /// ±127 where the rule is not zero. Nothing is stored and no zero is multiplied.
    ///
    /// The weights of every rule that names one or two places of a row are so: their steps are the size of
    /// these numbers, divided by 127, in all channels.
    Rule(Exact),
}

/// What a dense layer and a convolution share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear<'a> {
    /// The weights.
    pub weights: Weights<'a>,
    /// The channels: as many as there are outputs; by rule, one may stand for all.
    pub channels: &'a [Channel],
    /// The least output: the zero of the output where a rectifier is the layer's end, else −128.
    pub least: i8,
}

/// How a window slides over a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Window {
    /// Rows and columns of the window.
    pub kernel: [u16; 2],
    /// Pixels from one window to the next, down and to the right.
    pub stride: [u16; 2],
    /// Rows above, columns to the left that lie outside of the picture.
    pub padding: [u16; 2],
}

/// A sum of two values of different steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sum {
    /// What the operands are multiplied with, 20 bits up: their steps in halves of the larger one.
    pub operands: [Multiplier; 2],
    /// What the sum is multiplied with.
    pub output: Multiplier,
    /// The least output: the zero of the output where a rectifier is the layer's end, else −128.
    pub least: i8,
}

impl Sum {
    /// Bits that the operands are shifted up before they are added.
    pub(super) const UP: u32 = 20;

    /// The sum of values of these steps, in another.
    pub const fn new(operands: [f32; 2], output: f32) -> Self {
        let [a, b] = [operands[0] as f64, operands[1] as f64];
        let twice = 2.0 * if a > b { a } else { b };
        Self {
            operands: [Multiplier::of(a / twice), Multiplier::of(b / twice)],
            output: Multiplier::of(twice / ((1 << Self::UP) as f64 * output as f64)),
            least: i8::MIN,
        }
    }
}

/// The exponentials of a vector, divided by their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Softmax {
    /// The step of the input, with 26 bits behind the point.
    pub multiplier: Multiplier,
    /// Inputs that are further below the largest count as nothing.
    pub depth: i32,
}

impl Softmax {
    /// What the numbers of the output mean: they are probabilities in steps of 1/256.
    pub const OUTPUT: Affine = Affine { scale: 1.0 / 256.0, zero: -128 };

    /// The softmax of a value of this step.
    pub const fn new(input: f32) -> Self {
        const MOST: f64 = 2_147_483_647.0;
        let step = input as f64 * (1 << 26) as f64;
        let multiplier = Multiplier::of(if step < MOST { step } else { MOST });
        // 31 · 2²⁶ / 2^shift, of an input that is at least a step of 2⁻²⁶
        let shift = if multiplier.shift > 0 { multiplier.shift as u32 } else { 0 };
        Self { multiplier, depth: ((31_i64 << 26) >> shift) as i32 }
    }
}

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op<'a> {
    /// A fully connected layer.
    Dense(Linear<'a>),
    /// A convolution, whose groups share out inputs and outputs evenly.
    Conv2d(Window, u16, Linear<'a>),
    /// A convolution of each channel for itself, by one filter or several.
    Depthwise(Window, Linear<'a>),
    /// The largest of each window.
    MaxPool(Window),
    /// The mean of each window.
    AveragePool(Window),
    /// The sum of two values.
    Add(Sum),
    /// max(0, x), where it is not the end of the layer before; from the input's step to the output's.
    Relu(Multiplier),
    /// Probabilities.
    Softmax(Softmax),
}

/// One layer in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer<'a> {
    /// What it computes.
    pub op: Op<'a>,
    /// Its input: 0 is that of the network, k what layer k − 1 puts out.
    pub from: u16,
    /// Its second operand, of a sum.
    pub second: u16,
    /// Shape of the input.
    pub input: Shape,
    /// Shape of the output.
    pub output: Shape,
    /// What the numbers of the output mean.
    pub values: Affine,
}

/// A network in whole numbers of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model<'a> {
    /// Shape of the input.
    pub input: Shape,
    /// What the numbers of the input mean.
    pub values: Affine,
    /// The layers, in the order in which they compute.
    pub layers: &'a [Layer<'a>],
}

/// Why a model cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ModelError {
    /// There is no layer, or more than values have numbers.
    Layers(usize),
    /// The input, or the input or output of a layer, has no number or too many.
    Shape {
        /// The number of the layer.
        layer: usize,
    },
    /// The layer takes a value that is not there before it, or that has another shape.
    Value {
        /// The number of the layer.
        layer: usize,
    },
    /// The layer's weights or channels are not as many as its shapes ask for.
    Weights {
        /// The number of the layer.
        layer: usize,
    },
    /// The rule of the layer names more than two places of a row: store its weights.
    Rule {
        /// The number of the layer.
        layer: usize,
    },
    /// More than 32 bits can count.
    TooLarge,
}

impl ModelError {
    /// What is wrong, in words without numbers.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Layers(_) => "a network has 1 to 65,534 layers",
            Self::Shape { .. } => "the shapes of a layer do not fit its window",
            Self::Value { .. } => "a layer takes a value that is not there, or has another shape",
            Self::Weights { .. } => "the weights or channels of a layer do not fit its shapes",
            Self::Rule { .. } => {
                "the rule of a layer has rows of more than two numbers: store its weights"
            }
            Self::TooLarge => "the arena is larger than 32 bits can count",
        }
    }
}

impl core::fmt::Display for ModelError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())?;
        match self {
            Self::Layers(got) => write!(f, ", not {got}"),
            Self::Shape { layer }
            | Self::Value { layer }
            | Self::Weights { layer }
            | Self::Rule { layer } => write!(f, " (layer {layer})"),
            Self::TooLarge => Ok(()),
        }
    }
}

impl core::error::Error for ModelError {}

impl Window {
    /// Whether windows from the padding on, which is no wider than they are, make an output of this shape: every
    /// window begins before the end of the picture.
    const fn fits(&self, x: Shape, y: Shape) -> bool {
        let ([kh, kw], [sh, sw], [ph, pw]) = (self.kernel, self.stride, self.padding);
        line_fits(x.height, y.height, kh, sh, ph) && line_fits(x.width, y.width, kw, sw, pw)
    }

    /// Whether each window is one pixel of the picture.
    const fn is_pixel(&self) -> bool {
        matches!((self.kernel, self.padding), ([1, 1], [0, 0]))
    }
}

const fn line_fits(x: u32, y: u32, kernel: u16, stride: u16, padding: u16) -> bool {
    let last = (y as u64 - 1) * stride as u64;
    kernel > 0
        && stride > 0
        && padding <= kernel
        && last + kernel as u64 <= x as u64 + 2 * padding as u64
}

impl<'a> Layer<'a> {
    /// The dimensions of the weights, if there are any and they are sound.
    pub(super) const fn dims(&self) -> Option<Dims> {
        let (out, channels) = (self.output.channels, self.input.channels);
        let dims = match self.op {
            Op::Dense(_) => Dims::dense(out, self.input.len() as u32),
            Op::Conv2d(window, groups, _) => {
                let inp = match channels.checked_div(groups as u32) {
                    Some(inp) => inp,
                    None => 0,
                };
                let kernel = [window.kernel[0] as u32, window.kernel[1] as u32];
                Dims::new(out, inp, kernel, groups as u32)
            }
            Op::Depthwise(window, _) => {
                let kernel = [window.kernel[0] as u32, window.kernel[1] as u32];
                Dims::new(out, 1, kernel, channels)
            }
            _ => return None,
        };
        match dims {
            Ok(dims) => Some(dims),
            Err(_) => None,
        }
    }

    /// The weights and channels of a layer that has some.
    pub const fn linear(&self) -> Option<&Linear<'a>> {
        match &self.op {
            Op::Dense(linear) | Op::Conv2d(_, _, linear) | Op::Depthwise(_, linear) => Some(linear),
            _ => None,
        }
    }

    /// Whether the output may lie where the input lies.
    pub(super) const fn in_place(&self) -> bool {
        matches!(self.op, Op::Add(_) | Op::Relu(_) | Op::Softmax(_))
    }

    /// Bytes of a patch that is gathered for a while.
    pub(super) const fn scratch(&self) -> usize {
        match (&self.op, self.dims()) {
            (Op::Conv2d(window, _, linear), Some(dims))
                if !window.is_pixel() && matches!(linear.weights, Weights::Stored(_)) =>
            {
                dims.row()
            }
            _ => 0,
        }
    }

    /// Whether shapes, weights and channels fit each other.
    const fn check(&self, layer: usize) -> Result<(), ModelError> {
        let (x, y) = (self.input, self.output);
        if !x.fits() || !y.fits() {
            return Err(ModelError::Shape { layer });
        }
        let fits = match &self.op {
            Op::Dense(_) => y.pixels() == 1,
            Op::Conv2d(window, groups, _) => {
                *groups > 0 && x.channels.is_multiple_of(*groups as u32) && window.fits(x, y)
            }
            Op::Depthwise(window, _) => window.fits(x, y),
            Op::MaxPool(window) | Op::AveragePool(window) => {
                x.channels == y.channels
                    && window.fits(x, y)
                    && window.padding[0] as u32 * 2 <= window.kernel[0] as u32
                    && window.padding[1] as u32 * 2 <= window.kernel[1] as u32
            }
            Op::Add(_) | Op::Relu(_) => x.same(y),
            // Σ 2¹⁹ fits into 31 bits
            Op::Softmax(_) => x.same(y) && x.channels < 4096,
        };
        if !fits {
            return Err(ModelError::Shape { layer });
        }
        let Some(linear) = self.linear() else { return Ok(()) };
        let Some(dims) = self.dims() else { return Err(ModelError::Weights { layer }) };
        let out = y.channels as usize;
        let sound = match linear.weights {
            Weights::Stored(weights) => weights.len() == dims.len() && linear.channels.len() == out,
            Weights::Rule(_) => linear.channels.len() == out || linear.channels.len() == 1,
        };
        match linear.weights {
            _ if !sound => Err(ModelError::Weights { layer }),
            Weights::Rule(rule) if !names_two(rule) => Err(ModelError::Rule { layer }),
            _ => Ok(()),
        }
    }
}

/// Whether every row of a rule has at most two numbers that are not zero.
pub(super) const fn names_two(rule: Exact) -> bool {
    matches!(
        rule,
        Exact::Zero
            | Exact::Identity { .. }
            | Exact::ZeroPreserving { .. }
            | Exact::Dirac { .. }
            | Exact::DiracZero { .. }
    )
}

impl<'a> Model<'a> {
    /// The shape of a value, if the model has it: 0 is the input, k what layer k − 1 puts out.
    pub const fn shape(&self, value: usize) -> Option<Shape> {
        match value {
            0 => Some(self.input),
            _ if value <= self.layers.len() => Some(self.layers[value - 1].output),
            _ => None,
        }
    }

    /// What the numbers of a value mean, if the model has it.
    pub fn affine(&self, value: usize) -> Option<Affine> {
        match value.checked_sub(1) {
            None => Some(self.values),
            Some(layer) => self.layers.get(layer).map(|layer| layer.values),
        }
    }

    /// The shape of the output.
    pub const fn output(&self) -> Shape {
        match self.layers {
            [.., last] => last.output,
            [] => self.input,
        }
    }

    /// Whether all layers fit each other.
    ///
    /// # Errors
    /// A [`ModelError`] says which does not.
    pub const fn check(&self) -> Result<(), ModelError> {
        let layers = self.layers;
        if layers.is_empty() || layers.len() >= u16::MAX as usize {
            return Err(ModelError::Layers(layers.len()));
        }
        let mut layer = 0;
        while layer < layers.len() {
            let this = &layers[layer];
            if let Err(error) = this.check(layer) {
                return Err(error);
            }
            let sum = matches!(this.op, Op::Add(_));
            let from = this.from as usize;
            let second = if sum { this.second as usize } else { from };
            if from > layer || second > layer || sum && from == second {
                return Err(ModelError::Value { layer });
            }
            let (Some(x), Some(other)) = (self.shape(from), self.shape(second)) else {
                return Err(ModelError::Value { layer });
            };
            // a dense layer reads a picture as a vector
            let flat = x.len() == this.input.len() && this.input.pixels() == 1;
            if !(x.same(this.input) || flat) || sum && !other.same(x) {
                return Err(ModelError::Value { layer });
            }
            layer += 1;
        }
        Ok(())
    }
}
