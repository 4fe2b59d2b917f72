use super::{BITS, MaskedRelu};
use crate::layer::{Backward, Forward};

impl MaskedRelu {
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        for y in &mut *io.y {
            *y = if *y <= 0.0 { 0.0 } else { *y }; // NaN stays NaN
        }
        let examples = io.y.chunks(io.input.len().max(1));
        for (bits, y) in io.saved.iter_mut().zip(examples.flat_map(|y| y.chunks(BITS))) {
            let positive = y.iter().rev().fold(0, |bits, y| bits << 1 | u32::from(*y > 0.0));
            *bits = f32::from_bits(positive);
        }
    }

    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        let examples = io.dy.chunks_mut(io.input.len().max(1));
        for (bits, dy) in io.saved.iter().zip(examples.flat_map(|dy| dy.chunks_mut(BITS))) {
            let mut bits = bits.to_bits();
            for dy in dy {
                *dy = if bits & 1 == 1 { *dy } else { 0.0 };
                bits >>= 1;
            }
        }
    }
}
