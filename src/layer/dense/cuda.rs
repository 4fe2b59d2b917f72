//! y = x Wᵀ + b, dx = dy W, dW = dyᵀ x, each as one product.

use super::Dense;
use crate::gpu::{Batch, Error, Grid, Numbers};
use crate::layer::cuda::{Along, Backward, Forward, arguments, column_sums, fold, matrix};

/// y += b in every row, rectified where a rectifier follows.
pub(in crate::layer) fn add_bias(io: &Forward<'_>, bias: Numbers) -> Result<(), Error> {
    let (queue, y, n, each) = (io.queue, io.y, io.y.len(), Grid::each(io.y.len()));
    match bias.len() {
        0 if io.relu => queue.launch("relu_forward", each, arguments![y, y, n]),
        0 => Ok(()),
        out => queue.launch("row_added", each, arguments![y, y, bias, out, io.relu, n]),
    }
}

/// The same, and what else the layer is to take along.
fn finish(io: &Forward<'_>, bias: Numbers) -> Result<(), Error> {
    let (queue, y, out, n) = (io.queue, io.y, bias.len(), io.y.len());
    let each = Grid::each(n);
    match io.along {
        Along::Nothing => add_bias(io, bias),
        Along::Gelu(to) if out == 0 => queue.launch("gelu_forward", each, arguments![to, y, n]),
        Along::Gelu(to) => {
            queue.launch("bias_gelu", each, arguments![to, y.updated(), bias, out, n])
        }
        Along::Sum(second) if out == 0 => {
            queue.launch("add_forward", each, arguments![y, y, second, io.relu, n])
        }
        Along::Sum(second) => {
            let all = arguments![y.updated(), bias, second, out, io.relu, n];
            queue.launch("bias_sum", each, all)
        }
    }
}

/// y = x Wᵀ + b over rows of `inp` numbers.
pub(in crate::layer) fn forward_linear(
    io: &Forward<'_>,
    (inp, out): (usize, usize),
) -> Result<(), Error> {
    let rows = io.y.len() / out.max(1);
    let (x, w) = (matrix(io.x, inp), matrix(io.factors, inp).turned());
    let sizes = [rows, out, inp];
    io.queue.product(matrix(io.y, out), (x, w), sizes, (1.0, true), Batch::ONE)?;
    finish(io, io.w.after(inp * out))
}

/// The backward pass of [`forward_linear`].
pub(in crate::layer) fn backward_linear(
    io: &Backward<'_>,
    (inp, out): (usize, usize),
) -> Result<(), Error> {
    let rows = io.dy.len() / out.max(1);
    let dy = matrix(io.dy, out);
    let db = io.dw.after(inp * out);
    if !io.gelu.is_empty() {
        let all = arguments![io.dy.updated(), io.gelu, rows, out];
        fold(io.queue, db, ("gelu_backward_bias", all), (rows, 1.0), io.scratch)?;
    }
    if !io.dx.is_empty() {
        let (w, sizes) = (matrix(io.factors, inp), [rows, inp, out]);
        io.queue.product(matrix(io.dx, inp), (dy, w), sizes, (1.0, io.fresh[0]), Batch::ONE)?;
    }
    if !io.dw.is_empty() {
        let (dw, sizes) = (matrix(io.dw, inp), [out, inp, rows]);
        let factors = (dy.turned(), matrix(io.x, inp));
        io.queue.product(dw, factors, sizes, (1.0, true), Batch::ONE)?;
        if io.gelu.is_empty() {
            column_sums(io.queue, db, io.dy, (rows, out), io.scratch)?;
        }
    }
    Ok(())
}

impl Dense {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        forward_linear(io, (io.input.len(), self.out as usize))
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        backward_linear(io, (io.input.len(), self.out as usize))
    }
}
