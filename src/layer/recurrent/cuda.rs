//! Recurrent layers on the GPU: the products of all tokens with W at once, those of the states with U token
//! by token, and a kernel of each cell. Backward, the gradients of what the gates took in take the place of
//! what was kept; weights get theirs by one product each at the end.

use super::{Cell, Line};
use crate::gpu::{Batch, Error, Grid, Matrix, Numbers, Queue};
use crate::layer::cuda::{Backward, Forward, arguments, column_sums, matrix, sums};
use crate::layer::{Gru, Lstm, Rnn};
use crate::shape::Shape;

/// No token is before the first.
const NO_TOKEN: u32 = u32::MAX;

/// The kernels of a cell, forward and backward.
type Kernels = [&'static str; 2];

impl Line {
    /// Numbers of scratch for a batch: forward, what all gates take in from inputs and from states, and the
    /// memories; backward, the gradients of states and of memories, and sums of biases.
    fn cuda_scratch(&self, gates: usize, batch: usize) -> usize {
        let rows = gates * self.hidden;
        let forward = batch * (self.tokens + 1) * rows + batch * self.hidden;
        forward.max(2 * batch * self.hidden + sums(rows).max(batch * self.tokens * rows))
    }

    /// The token of a step, and the one before it.
    fn tokens_of(&self, step: usize) -> [u32; 2] {
        let before = step.checked_sub(1).map_or(NO_TOKEN, |before| self.token(before) as u32);
        [self.token(step) as u32, before]
    }

    fn forward_cuda<C: Cell<G, K>, const G: usize, const K: usize>(
        &self,
        io: &Forward<'_>,
        [kernel, _]: Kernels,
    ) -> Result<(), Error> {
        let Self { tokens, inp, hidden, .. } = *self;
        let (queue, batch, rows) = (io.queue, io.examples, G * hidden);
        let u = io.w.after(rows * inp);
        let biases = u.after(rows * hidden);
        let factors = matrix(io.factors.after(rows * inp), hidden).turned();
        let input = io.scratch.first(batch * tokens * rows);
        let state = io.scratch.after(input.len()).first(batch * rows);
        let memory = io.scratch.after(input.len() + state.len());
        let (x, w) = (matrix(io.x, inp), matrix(io.factors, inp).turned());
        let sizes = [batch * tokens, rows, inp];
        queue.product(matrix(input, rows), (x, w), sizes, (1.0, true), Batch::ONE)?;
        for step in 0..tokens {
            let [token, before] = self.tokens_of(step);
            if before != NO_TOKEN {
                let h = Matrix::new(io.y.after(before as usize * hidden), tokens * hidden);
                let sizes = [batch, rows, hidden];
                queue.product(matrix(state, rows), (h, factors), sizes, (1.0, true), Batch::ONE)?;
            }
            let n = batch * hidden;
            let places = arguments![
                io.y, memory, io.saved, input, state, biases, hidden, tokens, token, before, n
            ];
            queue.launch(kernel, Grid::each(n), places)?;
        }
        Ok(())
    }

    fn backward_cuda<C: Cell<G, K>, const G: usize, const K: usize>(
        &self,
        io: &Backward<'_>,
        [_, kernel]: Kernels,
    ) -> Result<(), Error> {
        let Self { tokens, inp, hidden, .. } = *self;
        let (queue, batch, rows, record) = (io.queue, io.examples, G * hidden, (K + 1) * hidden);
        let (u, n) = (io.w.after(rows * inp), batch * hidden);
        let (records, places) = (io.saved, batch * tokens);
        let dh = io.scratch.first(n);
        let dm = io.scratch.after(n).first(n);
        queue.clear(io.scratch.first(2 * n))?;
        for step in (0..tokens).rev() {
            let [token, before] = self.tokens_of(step);
            let all = arguments![records, dh, dm, io.dy, hidden, tokens, token, before, n];
            queue.launch(kernel, Grid::each(n), all)?;
            if before == NO_TOKEN {
                continue;
            }
            for (gate, slot) in C::RECURRENT.into_iter().enumerate() {
                let at = token as usize * record + slot * hidden;
                let gradient = Matrix::new(records.after(at), tokens * record);
                let factors = (gradient, matrix(u.after(gate * hidden * hidden), hidden));
                let sizes = [batch, hidden, hidden];
                queue.product(matrix(dh, hidden), factors, sizes, (1.0, false), Batch::ONE)?;
            }
        }
        let scratch = io.scratch.after(2 * n);
        let gates = flowing_gates(queue, (records, record), scratch, (places, rows))?;
        if !io.dx.is_empty() {
            let (factors, sizes) = ((gates, matrix(io.factors, inp)), [places, inp, rows]);
            let how = (1.0, io.fresh[0]);
            queue.product(matrix(io.dx, inp), factors, sizes, how, Batch::ONE)?;
        }
        if io.dw.is_empty() {
            return Ok(());
        }
        let (factors, sizes) = ((gates.turned(), matrix(io.x, inp)), [rows, inp, places]);
        queue.product(matrix(io.dw, inp), factors, sizes, (1.0, true), Batch::ONE)?;
        let du = io.dw.after(rows * inp);
        let biases = du.after(rows * hidden);
        column_sums(queue, biases.first(rows), records, (places, record), scratch)?;
        let states = Matrix::new(records.after(K * hidden), record);
        for (gate, slot) in C::RECURRENT.into_iter().enumerate() {
            let gradient = records.after(slot * hidden);
            let to = matrix(du.after(gate * hidden * hidden), hidden);
            let factors = (Matrix::new(gradient, record).turned(), states);
            queue.product(to, factors, [hidden, hidden, places], (1.0, true), Batch::ONE)?;
            let bias = biases.after(rows + gate * hidden).first(hidden);
            column_sums(queue, bias, gradient, (places, record), scratch)?;
        }
        Ok(())
    }
}

/// The gradients of what the gates took in, as products with what flows take them.
fn flowing_gates(
    queue: &Queue,
    (records, record): (Numbers, usize),
    scratch: Numbers,
    (places, rows): (usize, usize),
) -> Result<Matrix, Error> {
    let n = places * rows;
    let gates = queue.flowing(scratch.first(n));
    if queue.flowing(records) == records {
        return Ok(Matrix::new(records, record));
    }
    queue.launch("rounded", Grid::each(n), arguments![gates, records, record, rows, n])?;
    Ok(matrix(gates, rows))
}

/// Layers whose cells have these kernels.
macro_rules! layers {
    ($($layer:ident $forward:literal $backward:literal,)*) => {
        $(impl $layer {
            fn line(&self, x: Shape) -> Line {
                Line::new(&x, self.hidden, self.reverse)
            }

            pub(in crate::layer) fn cuda_scratch(&self, x: Shape, batch: usize) -> usize {
                self.line(x).cuda_scratch(Self::GATES as usize, batch)
            }

            pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
                self.line(io.input).forward_cuda::<Self, _, _>(io, [$forward, $backward])
            }

            pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
                self.line(io.input).backward_cuda::<Self, _, _>(io, [$forward, $backward])
            }
        })*
    };
}

layers! {
    Rnn "rnn_forward" "rnn_backward",
    Gru "gru_forward" "gru_backward",
    Lstm "lstm_forward" "lstm_backward",
}
