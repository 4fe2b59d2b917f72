//! Runs of numbers in parallel: what is dropped is a function of a number's index.

use super::Dropout;
use super::portable::{pack, unpack};
use crate::layer::{Backward, Chance, Forward, RUN};
use rayon::prelude::*;

impl Dropout {
    fn drop_runs(&self, numbers: &mut [f32], chance: &Chance) {
        // a block of lots is for eight numbers, and a run is of whole blocks
        numbers.par_chunks_mut(RUN).enumerate().for_each(|(i, numbers)| {
            self.drop((i * (RUN / 8)) as u32, numbers, chance);
        });
    }

    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>) {
        if let Some(saved) = io.saved.first_chunk_mut() {
            *saved = pack(io.chance);
            self.drop_runs(io.y, io.chance);
        }
    }

    pub(in crate::layer) fn backward_host<M>(&self, io: Backward<'_, M>) {
        if let Some(saved) = io.saved.first_chunk() {
            self.drop_runs(io.dy, &unpack(saved));
        }
    }
}
