//! Layers on the GPU: what each asks for, forward and backward. Kernels lie beside the layers, in files
//! `cuda.cu`; matrices are multiplied by cuBLAS.
//!
//! As on the host, forward writes all of its output, and backward writes to the gradients of its operands
//! where they are fresh, and adds to them where not. Unlike there, the gradients of weights are written,
//! for the update to read at the end of the step; and a layer that works in place reads its input
//! where it lies, so that nothing is copied first.

use super::Layer;
use crate::gpu::{Argument, Error, Grid, Matrix, Numbers, Queue, Window};
use crate::shape::Shape;

/// One forward pass of one layer over a batch.
pub(crate) struct Forward<'a> {
    pub queue: &'a Queue,
    pub input: Shape,
    pub output: Shape,
    pub examples: usize,
    pub x: Numbers,
    pub second: Numbers,
    pub w: Numbers,
    /// The weights as products take them: of the precision of what flows.
    pub factors: Numbers,
    /// What backward will want to know; nowhere, when there will be no backward pass.
    pub saved: Numbers,
    pub y: Numbers,
    /// Whether a rectifier follows, which the layer is to do as well.
    pub relu: bool,
    pub along: Along,
    pub chance: Lots,
    pub scratch: Numbers,
}

/// What a [linear](Layer::is_linear) layer is to do of the layer that follows.
#[derive(Clone, Copy)]
pub(crate) enum Along {
    Nothing,
    /// A GELU, whose outputs go here.
    Gelu(Numbers),
    /// A sum, in its place, whose second operand is this.
    Sum(Numbers),
}

/// One backward pass of one layer over a batch.
pub(crate) struct Backward<'a> {
    pub queue: &'a Queue,
    pub input: Shape,
    pub output: Shape,
    pub examples: usize,
    /// The input, if the layer reads it.
    pub x: Numbers,
    /// The output, if the layer reads it.
    pub y: Numbers,
    pub second: Numbers,
    pub saved: Numbers,
    /// The gradient of the output. In place, it becomes the gradient of the input.
    pub dy: Numbers,
    /// The gradient of the input; nowhere when nobody wants it, or in place.
    pub dx: Numbers,
    pub d_second: Numbers,
    /// Whether these two are written, or added to.
    pub fresh: [bool; 2],
    pub w: Numbers,
    /// The weights as products take them: of the precision of what flows.
    pub factors: Numbers,
    /// The gradients of the trained weights; nowhere, where the layer is frozen.
    pub dw: Numbers,
    /// The output of the rectifier that follows, by which the layer is to mask dy; nowhere where none does.
    pub mask: Numbers,
    /// The input of the GELU that follows, through whose backward pass dy has yet to go; nowhere where it has.
    pub gelu: Numbers,
    /// The loss of the batch.
    pub loss: Numbers,
    pub chance: Lots,
    pub scratch: Numbers,
}

impl Backward<'_> {
    /// Where a layer that works in place and [passes its gradient on](Layer::passes_on) writes it, and whether
    /// it is not to add to what is there.
    pub fn passed_on(&self) -> (Argument, bool) {
        match self.fresh[0] {
            _ if self.dx.is_empty() => (self.dy.into(), true),
            true => (self.dx.into(), true),
            false => (self.dx.updated(), false),
        }
    }
}

/// What lots are drawn by: the seed and the step, which lie on the device, and the layer.
#[derive(Clone, Copy)]
pub(crate) struct Lots {
    pub at: Numbers,
    pub node: u32,
}

/// The most slices that the rows of a sum of columns are cut into.
const SLICES: usize = 64;

/// Blocks of a dot product.
pub(in crate::layer) const BLOCKS: usize = 64;

/// Arguments of a kernel.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {
        [$($crate::gpu::Argument::from($argument)),*]
    };
}
pub(in crate::layer) use arguments;

/// Numbers of scratch for sums of so many columns.
pub(in crate::layer) const fn sums(columns: usize) -> usize {
    SLICES * columns
}

/// How many slices so many rows are cut into.
pub(in crate::layer) fn slices(rows: usize) -> usize {
    rows.div_ceil(SLICES).clamp(1, SLICES)
}

/// y = scale · the sums of columns, which `kernel` sums by slices: its first argument is where those go,
/// the others follow.
pub(in crate::layer) fn fold<const N: usize>(
    queue: &Queue,
    y: Numbers,
    (kernel, arguments): (&'static str, [Argument; N]),
    (rows, scale): (usize, f32),
    scratch: Numbers,
) -> Result<(), Error> {
    fold_over(queue, (y, y.len()), (kernel, &arguments), (rows, scale), scratch)
}

/// The same where `kernel` sums two numbers of each column: y is all the first ones, then all the others.
pub(in crate::layer) fn fold_pairs<const N: usize>(
    queue: &Queue,
    y: Numbers,
    (kernel, arguments): (&'static str, [Argument; N]),
    rows: usize,
    scratch: Numbers,
) -> Result<(), Error> {
    fold_over(queue, (y, y.len() / 2), (kernel, &arguments), (rows, 1.0), scratch)
}

fn fold_over(
    queue: &Queue,
    (y, columns): (Numbers, usize),
    (kernel, arguments): (&'static str, &[Argument]),
    (rows, scale): (usize, f32),
    scratch: Numbers,
) -> Result<(), Error> {
    let (sums, slices) = (y.len(), slices(rows));
    if sums == 0 {
        return Ok(());
    }
    let scratch = scratch.first(slices * sums);
    let mut all = std::vec![Argument::from(scratch)];
    all.extend_from_slice(arguments);
    queue.launch(kernel, Grid::columns(columns, slices), all)?;
    queue.launch("fold", Grid::each(sums), arguments![y, scratch, slices, sums, scale])
}

/// y = the sums of the first columns of rows that lie `step` numbers apart, of numbers that flow or of f32.
pub(crate) fn column_sums(
    queue: &Queue,
    y: Numbers,
    x: Numbers,
    (rows, step): (usize, usize),
    scratch: Numbers,
) -> Result<(), Error> {
    let kernel = if queue.flowing(x) == x { "column_sums" } else { "record_sums" };
    let all = arguments![x, rows, y.len(), step];
    fold(queue, y, (kernel, all), (rows, 1.0), scratch)
}

/// y = x · z, or the sum of x where z is nowhere.
pub(in crate::layer) fn dot(
    queue: &Queue,
    y: Numbers,
    (x, z): (Numbers, Numbers),
    scratch: Numbers,
) -> Result<(), Error> {
    let (each, scratch) = (Grid::blocks(BLOCKS), scratch.first(BLOCKS));
    queue.launch("dot", each, arguments![scratch, x, z, x.len()])?;
    queue.launch("fold", Grid::blocks(1), arguments![y, scratch, BLOCKS, 1usize, 1.0f32])
}

/// A window over a picture.
pub(in crate::layer) const fn window(
    x: Shape,
    y: Shape,
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
) -> Window {
    let (picture, windows) = ([x.height, x.width, x.channels], [y.height, y.width]);
    Window { picture, windows, kernel, stride, padding }
}

/// Runs of numbers in rows: `count` of each row, which begin at `first` and lie `step` numbers apart.
#[derive(Clone, Copy)]
pub(in crate::layer) struct Runs {
    pub numbers: Numbers,
    pub step: usize,
    pub first: usize,
}

/// Copies runs of rows, or adds them.
pub(in crate::layer) fn runs(
    queue: &Queue,
    (y, fresh): (Runs, bool),
    x: Runs,
    (rows, count): (usize, usize),
) -> Result<(), Error> {
    let kernel = if fresh { "run_copied" } else { "run_added" };
    let n = rows * count;
    let first = match fresh {
        true => y.numbers.into(),
        false => y.numbers.updated(),
    };
    let all = arguments![first, y.step, y.first, x.numbers, x.step, x.first, count, n];
    queue.launch(kernel, Grid::each(n), all)
}

/// A layer that maps number by number.
fn map(io: &Forward<'_>, kernel: &'static str) -> Result<(), Error> {
    let n = io.y.len();
    io.queue.launch(kernel, Grid::each(n), arguments![io.y, io.x, n])
}

fn combine(io: &Backward<'_>, kernel: &'static str, z: Numbers) -> Result<(), Error> {
    let n = io.dy.len();
    io.queue.launch(kernel, Grid::each(n), arguments![io.dy.updated(), z, n])
}

impl Layer {
    /// Whether the layer is one product of its rows, which can take [along](Along) what follows.
    pub(crate) const fn is_linear(&self) -> bool {
        match self {
            Self::Dense(_) => true,
            Self::Conv2d(layer) => layer.is_linear(),
            _ => false,
        }
    }

    /// Whether the layer, which works in place, also takes its gradient to where it is wanted.
    pub(crate) const fn passes_on(&self) -> bool {
        matches!(self, Self::LayerNorm(_) | Self::RmsNorm(_))
    }

    /// Numbers of scratch that the layer's kernels want for a batch, where products may go to matrix units or
    /// where not.
    pub(crate) fn cuda_scratch(
        &self,
        (x, y): (Shape, Shape),
        batch: usize,
        matrix_units: bool,
    ) -> usize {
        match self {
            Self::Dense(layer) => sums(layer.out as usize),
            Self::Conv2d(layer) => layer.cuda_scratch((x, y), batch, matrix_units),
            Self::BatchNorm(_) | Self::LayerNorm(_) => sums(2 * x.channels as usize),
            Self::RmsNorm(_) => sums(x.channels as usize),
            Self::Embedding(layer) => layer.cuda_scratch(batch * x.len()),
            Self::Positions(_) => sums(x.len()),
            Self::ClassToken(_) => sums(x.channels as usize),
            Self::ScalarBias(_) | Self::Multiplier(_) => BLOCKS,
            Self::Attention(layer) => layer.cuda_scratch(x, batch, matrix_units),
            Self::Rnn(layer) => layer.cuda_scratch(x, batch),
            Self::Gru(layer) => layer.cuda_scratch(x, batch),
            Self::Lstm(layer) => layer.cuda_scratch(x, batch),
            _ => 0,
        }
    }

    /// Asks for the layer's forward pass.
    pub(crate) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let Forward { queue, x, y, w, second, .. } = *io;
        let n = y.len();
        let each = Grid::each(n);
        match self {
            Self::Dense(layer) => layer.forward_cuda(io),
            Self::Conv2d(layer) => layer.forward_cuda(io),
            Self::BatchNorm(layer) => layer.forward_cuda(io),
            Self::LayerNorm(layer) => layer.forward_cuda(io),
            Self::RmsNorm(layer) => layer.forward_cuda(io),
            Self::Relu(_) => map(io, "relu_forward"),
            Self::MaskedRelu(layer) => layer.forward_cuda(io),
            Self::Tanh(_) => map(io, "tanh_forward"),
            Self::Sigmoid(_) => map(io, "sigmoid_forward"),
            Self::Gelu(_) => map(io, "gelu_forward"),
            Self::LeakyRelu(layer) => {
                queue.launch("leaky_relu_forward", each, arguments![y, x, layer.slope, n])
            }
            Self::Add(_) => queue.launch("add_forward", each, arguments![y, x, second, io.relu, n]),
            Self::ScalarBias(_) => queue.launch("scalar_added", each, arguments![y, x, w, n]),
            Self::Multiplier(_) => queue.launch("scaled", each, arguments![y, x, w, n]),
            Self::Positions(_) => {
                queue.launch("row_added", each, arguments![y, x, w, io.input.len(), false, n])
            }
            Self::MaxPool(layer) => layer.forward_cuda(io),
            Self::AveragePool(layer) => layer.forward_cuda(io),
            Self::GlobalAveragePool(layer) => layer.forward_cuda(io),
            Self::Shortcut(layer) => layer.forward_cuda(io),
            Self::Flatten(_) => queue.copy(y, x),
            Self::Embedding(layer) => layer.forward_cuda(io),
            Self::ClassToken(layer) => layer.forward_cuda(io),
            Self::Select(layer) => layer.forward_cuda(io),
            Self::Concat(layer) => layer.forward_cuda(io),
            Self::ChannelScale(layer) => layer.forward_cuda(io),
            Self::Dropout(layer) => layer.forward_cuda(io),
            Self::Attention(layer) => layer.forward_cuda(io),
            Self::Rnn(layer) => layer.forward_cuda(io),
            Self::Gru(layer) => layer.forward_cuda(io),
            Self::Lstm(layer) => layer.forward_cuda(io),
        }
    }

    /// Asks for the layer's backward pass.
    pub(crate) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let Backward { queue, x, y, dy, w, dw, scratch, .. } = *io;
        let n = dy.len();
        let each = Grid::each(n);
        match self {
            Self::Dense(layer) => layer.backward_cuda(io),
            Self::Conv2d(layer) => layer.backward_cuda(io),
            Self::BatchNorm(layer) => layer.backward_cuda(io),
            Self::LayerNorm(layer) => layer.backward_cuda(io),
            Self::RmsNorm(layer) => layer.backward_cuda(io),
            Self::Relu(_) => combine(io, "relu_backward", y),
            Self::MaskedRelu(layer) => layer.backward_cuda(io),
            Self::Tanh(_) => combine(io, "tanh_backward", y),
            Self::Sigmoid(_) => combine(io, "sigmoid_backward", y),
            Self::Gelu(_) => combine(io, "gelu_backward", x),
            Self::LeakyRelu(layer) => queue.launch(
                "leaky_relu_backward",
                each,
                arguments![dy.updated(), y, layer.slope, n],
            ),
            Self::Add(_) | Self::Flatten(_) => Ok(()),
            Self::ScalarBias(_) if !dw.is_empty() => dot(queue, dw, (dy, Numbers::EMPTY), scratch),
            Self::ScalarBias(_) => Ok(()),
            Self::Multiplier(_) => {
                if !dw.is_empty() {
                    dot(queue, dw, (x, dy), scratch)?;
                }
                queue.launch("scaled", each, arguments![dy, dy, w, n])
            }
            Self::Positions(_) => {
                column_sums(queue, dw, dy, (io.examples, io.input.len()), scratch)
            }
            Self::MaxPool(layer) => layer.backward_cuda(io),
            Self::AveragePool(layer) => layer.backward_cuda(io),
            Self::GlobalAveragePool(layer) => layer.backward_cuda(io),
            Self::Shortcut(layer) => layer.backward_cuda(io),
            Self::Embedding(layer) => layer.backward_cuda(io),
            Self::ClassToken(layer) => layer.backward_cuda(io),
            Self::Select(layer) => layer.backward_cuda(io),
            Self::Concat(layer) => layer.backward_cuda(io),
            Self::ChannelScale(layer) => layer.backward_cuda(io),
            Self::Dropout(layer) => layer.backward_cuda(io),
            Self::Attention(layer) => layer.backward_cuda(io),
            Self::Rnn(layer) => layer.backward_cuda(io),
            Self::Gru(layer) => layer.backward_cuda(io),
            Self::Lstm(layer) => layer.backward_cuda(io),
        }
    }
}

/// A matrix of rows of `columns` numbers.
pub(in crate::layer) const fn matrix(numbers: Numbers, columns: usize) -> Matrix {
    Matrix::new(numbers, columns)
}
