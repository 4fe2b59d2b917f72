use super::ClassToken;
use crate::gpu::Error;
use crate::layer::cuda::{Backward, Forward, Runs, column_sums, runs};

impl ClassToken {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let (channels, inp, out) = (io.w.len(), io.input.len(), io.output.len());
        let token = Runs { numbers: io.factors, step: 0, first: 0 };
        let first = Runs { numbers: io.y, step: out, first: 0 };
        runs(io.queue, (first, true), token, (io.examples, channels))?;
        let pixels = Runs { numbers: io.x, step: inp, first: 0 };
        let behind = Runs { first: channels, ..first };
        runs(io.queue, (behind, true), pixels, (io.examples, inp))
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let (channels, inp, out) = (io.input.channels as usize, io.input.len(), io.output.len());
        if !io.dx.is_empty() {
            let dx = Runs { numbers: io.dx, step: inp, first: 0 };
            let dy = Runs { numbers: io.dy, step: out, first: channels };
            runs(io.queue, (dx, io.fresh[0]), dy, (io.examples, inp))?;
        }
        column_sums(io.queue, io.dw, io.dy, (io.examples, out), io.scratch)
    }
}
