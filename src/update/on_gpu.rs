//! What a step does to a weight, for the kernels of `update/cuda.cu`: which of them, and the numbers that it
//! wants.

use super::{AdaDeltaMove, AdagradMove, AdamMove, ChosenMove, MomentumMove, Move, SgdMove};

/// Numbers that a move gives its kernel.
pub(crate) const NUMBERS: usize = 8;

/// A move that the GPU can make.
pub trait OnGpu: Move {
    /// The kernel, and its numbers in the order in which it reads them.
    #[doc(hidden)]
    fn on_gpu(&self) -> (&'static str, [f32; NUMBERS]);
}

/// These numbers, and zeros behind them.
pub(super) fn numbers<const N: usize>(these: [f32; N]) -> [f32; NUMBERS] {
    let mut all = [0.0; NUMBERS];
    all.iter_mut().zip(these).for_each(|(all, this)| *all = this);
    all
}

impl OnGpu for ChosenMove {
    fn on_gpu(&self) -> (&'static str, [f32; NUMBERS]) {
        match self {
            Self::Sgd(step) => SgdMove::on_gpu(step),
            Self::Momentum(step) => MomentumMove::on_gpu(step),
            Self::Adam(step) => AdamMove::on_gpu(step),
            Self::AdaDelta(step) => AdaDeltaMove::on_gpu(step),
            Self::Adagrad(step) => AdagradMove::on_gpu(step),
        }
    }
}
