use super::Select;
use crate::gpu::Error;
use crate::layer::cuda::{Backward, Forward, Runs, runs};

impl Select {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let channels = io.input.channels as usize;
        let first = self.pixel as usize * channels;
        let x = Runs { numbers: io.x, step: io.input.len(), first };
        let y = Runs { numbers: io.y, step: channels, first: 0 };
        runs(io.queue, (y, true), x, (io.examples, channels))
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let channels = io.input.channels as usize;
        if io.fresh[0] {
            io.queue.clear(io.dx)?;
        }
        let first = self.pixel as usize * channels;
        let dx = Runs { numbers: io.dx, step: io.input.len(), first };
        let dy = Runs { numbers: io.dy, step: channels, first: 0 };
        runs(io.queue, (dx, false), dy, (io.examples, channels))
    }
}
