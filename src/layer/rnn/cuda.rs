use super::Rnn;
use crate::gpu::Error;
use crate::layer::cuda::{Backward, Forward};
use crate::layer::recurrent::{Kernels, Line};
use crate::shape::Shape;

const KERNELS: Kernels = ["rnn_forward", "rnn_backward"];

impl Rnn {
    pub(in crate::layer) fn cuda_scratch(&self, x: Shape, batch: usize) -> usize {
        Line::new(&x, self.hidden, self.reverse).cuda_scratch(Self::GATES as usize, batch)
    }

    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let line = Line::new(&io.input, self.hidden, self.reverse);
        line.forward_cuda::<Self, _, _>(io, KERNELS)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let line = Line::new(&io.input, self.hidden, self.reverse);
        line.backward_cuda::<Self, _, _>(io, KERNELS)
    }
}
