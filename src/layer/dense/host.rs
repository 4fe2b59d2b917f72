//! A fully connected layer, and a convolution of one tap, as products of matrices: y = x Wᵀ + b,
//! dx = dy W, and dW = dyᵀ x by runs of rows, each of which moves its weights while it is still near.

use super::Dense;
use crate::layer::host::{Host, Moving, on_rows, on_weights};
use crate::layer::{Backward, Forward};
use crate::math::gemm::{Matrix, product};
use crate::update::Move;

/// Numbers of a run of rows of dW, which should stay near the processor.
const NEAR: usize = 1 << 17;

/// Rows of dW in a run.
fn run(inp: usize, out: usize) -> usize {
    let near = (NEAR / inp.max(1)).max(1);
    // two runs at least, in whole groups of eight rows
    near.min(out.div_ceil(2).next_multiple_of(8))
}

/// Numbers of scratch: the whole gradient, so that runs share none of it.
pub(in crate::layer) fn scratch(inp: usize, out: usize) -> usize {
    inp * out
}

/// y = x Wᵀ + b over rows of `inp` numbers.
pub(in crate::layer) fn forward_linear(
    (inp, out): (usize, usize),
    io: Forward<'_>,
    host: &mut Host<'_>,
) {
    let Forward { x, w, y, .. } = io;
    let Some((w, b)) = w.split_at_checked(inp * out) else { return };
    if !b.is_empty() {
        let arch = host.arch;
        on_rows(y, out, |y| {
            arch.dispatch(|| y.chunks_exact_mut(out).for_each(|y| y.copy_from_slice(b)));
        });
    }
    let (x, w) = (Matrix::new(x, x.len() / inp.max(1), inp), Matrix::new(w, out, inp));
    product(y, x, w.transposed(), !b.is_empty());
}

/// The backward pass of [`forward_linear`].
pub(in crate::layer) fn backward_linear<M: Move + Sync>(
    (inp, out, bias): (usize, usize, bool),
    io: Backward<'_, M>,
    host: &mut Host<'_>,
) {
    let Backward { x, dy, dx, weights, .. } = io;
    let rows = dy.len() / out.max(1);
    let Some((w, b)) = weights.w.split_at_mut_checked(inp * out) else { return };
    let dy = Matrix::new(dy, rows, out);
    if !dx.is_empty() {
        product(dx, dy, Matrix::new(w, out, inp), !host.fresh[0]);
    }
    if !weights.trained {
        return;
    }
    let Some((state, b_state)) = weights.state.split_at_mut_checked(inp * out * M::STATE) else {
        return;
    };
    let (moving, matrix, x) = (host.moving(), weights.moves.matrix, Matrix::new(x, rows, inp));
    let gradients = host.scratch.get_mut(..inp * out).unwrap_or_default();
    on_weights::<M>((w, state, gradients), run(inp, out) * inp, &|at, (w, state, g)| {
        let (first, count) = (at / inp, g.len() / inp);
        let dy = Matrix { numbers: dy.numbers.get(first..).unwrap_or_default(), ..dy };
        let dy = Matrix { columns: count, ..dy };
        product(g, dy.transposed(), x, false);
        moving.apply(matrix, w, state, g);
    });
    if bias {
        let sums = host.scratch.get_mut(..out).unwrap_or_default();
        column_sums(dy.numbers, sums, moving);
        moving.apply(weights.moves.vector, b, b_state, sums);
    }
}

/// The sums of the columns of rows that lie behind each other.
fn column_sums(rows: &[f32], sums: &mut [f32], moving: Moving<'_>) {
    sums.fill(0.0);
    moving.arch.dispatch(|| {
        for row in rows.chunks_exact(sums.len().max(1)) {
            for (sum, number) in sums.iter_mut().zip(row) {
                *sum += number;
            }
        }
    });
}

impl Dense {
    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        forward_linear((io.input.len(), self.out as usize), io, host);
    }

    pub(in crate::layer) fn backward_host<M: Move + Sync>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        backward_linear((io.input.len(), self.out as usize, self.bias), io, host);
    }
}
