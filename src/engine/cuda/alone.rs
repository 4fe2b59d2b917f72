//! One GPU, built without `nccl`: there is nobody to agree with.

use super::super::gathered::Parts;
use super::{Cuda, CudaError, Work};
use crate::gpu::Error;
use crate::update::{OnGpu, Update};

/// Nobody else.
pub(super) struct Ranks;

impl Ranks {
    pub const ALONE: Self = Self;

    pub const fn size(&self) -> usize {
        1
    }

    pub const fn part(&self, parts: Parts) -> Parts {
        parts
    }
}

impl<U: Update<Move: OnGpu>> Cuda<'_, U> {
    pub(super) const fn agree_on_loss(&self, _examples: usize) -> Result<(), Error> {
        Ok(())
    }

    pub(super) const fn hand_on(&self, _layer: usize, _work: Work) -> Result<(), Error> {
        Ok(())
    }

    pub(super) const fn receive(&self, _work: Work) -> Result<(), Error> {
        Ok(())
    }

    pub(super) const fn agree_on_verdict(&self) -> Result<(), Error> {
        Ok(())
    }

    pub(super) const fn gather_from_all(&self) -> Result<(), Error> {
        Ok(())
    }

    pub(super) const fn refuse_uneven(&self) -> Result<(), CudaError> {
        Ok(())
    }
}
