//! One window as large as the picture.

use super::GlobalAveragePool;
use crate::gpu::Error;
use crate::layer::AveragePool;
use crate::layer::cuda::{Backward, Forward};
use crate::shape::Shape;

const fn whole(x: Shape) -> AveragePool {
    AveragePool { kernel: [x.height, x.width], stride: [1, 1] }
}

impl GlobalAveragePool {
    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        whole(io.input).forward_cuda(io)
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        whole(io.input).backward_cuda(io)
    }
}
