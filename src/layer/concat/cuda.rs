use super::Concat;
use crate::gpu::Error;
use crate::layer::cuda::{Backward, Forward, Runs, runs};

impl Concat {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let (first, both) = (io.input.channels as usize, io.output.channels as usize);
        let rows = io.y.len() / both;
        let y = |at| (Runs { numbers: io.y, step: both, first: at }, true);
        let x = |numbers, step| Runs { numbers, step, first: 0 };
        runs(io.queue, y(0), x(io.x, first), (rows, first))?;
        runs(io.queue, y(first), x(io.second, both - first), (rows, both - first))
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let (first, both) = (io.input.channels as usize, io.output.channels as usize);
        let rows = io.dy.len() / both;
        let sides = [(io.dx, first, 0), (io.d_second, both - first, first)];
        for ((dx, width, at), fresh) in sides.into_iter().zip(io.fresh) {
            if !dx.is_empty() {
                let to = Runs { numbers: dx, step: width, first: 0 };
                let from = Runs { numbers: io.dy, step: both, first: at };
                runs(io.queue, (to, fresh), from, (rows, width))?;
            }
        }
        Ok(())
    }
}
