use super::Dropout;
use crate::layer::{Backward, Chance, Forward};
use crate::rule::philox;

/// The upper half of the counter's last word, whose lower half is the layer. No weight's chance has
/// this word, nor has the order of an epoch: a number of attempts is less than 16, and that of an
/// order is all ones.
pub(super) const STREAM: u32 = 0xD809_0000;
const _: () = assert!(16 <= STREAM && STREAM | 0xFFFF != u32::MAX);

impl Dropout {
    /// In training, `saved` has room for the chance that backward draws from again.
    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        if let Some(saved) = io.saved.first_chunk_mut() {
            *saved = pack(io.chance);
            self.drop(0, io.y, io.chance);
        }
    }

    /// What was dropped has no gradient; dx = dy / (1 − p) elsewhere.
    pub(in crate::layer) fn backward<M>(&self, io: Backward<'_, M>) {
        if let Some(saved) = io.saved.first_chunk() {
            self.drop(0, io.dy, &unpack(saved));
        }
    }

    /// How many lots of 2¹⁶ drop a number, and what the others are multiplied by.
    pub(super) fn share(&self) -> (u32, f32) {
        const LOTS: f32 = 65_536.0;
        // at least one lot is kept
        let lost = (self.probability * LOTS + 0.5).min(LOTS - 1.0) as u32;
        (lost, LOTS / (LOTS - lost as f32))
    }

    /// Multiplies each number by 0 or 1 / (1 − p), the first by the first lot of block `first`. (A product,
    /// so that NaN stays NaN.)
    pub(super) fn drop(&self, first: u32, numbers: &mut [f32], chance: &Chance) {
        let (lost, scale) = self.share();
        let (seed, step) = (chance.seed, chance.step);
        let key = [seed as u32, (seed >> 32) as u32];
        let stream = STREAM | (chance.node & 0xFFFF);
        for (block, numbers) in (first..).zip(numbers.chunks_mut(8)) {
            let words = philox([block, step as u32, (step >> 32) as u32, stream], key);
            let lots = words.iter().flat_map(|word| [word & 0xFFFF, word >> 16]);
            for (number, lot) in numbers.iter_mut().zip(lots) {
                *number *= if lot < lost { 0.0 } else { scale };
            }
        }
    }
}

/// A chance as whole numbers of 16 bits, which an f32 holds.
pub(super) fn pack(chance: &Chance) -> [f32; 10] {
    let Chance { seed, step, node } = *chance;
    let quarter = |word: u64, i: usize| (word >> (16 * i)) as u16;
    core::array::from_fn(|i| {
        f32::from(match i {
            0..4 => quarter(seed, i),
            4..8 => quarter(step, i - 4),
            _ => quarter(u64::from(node), i - 8),
        })
    })
}

pub(super) fn unpack(packed: &[f32; 10]) -> Chance {
    let (seed, rest) = packed.split_at(4);
    let (step, node) = rest.split_at(4);
    let word = |parts: &[f32]| parts.iter().rev().fold(0, |word, part| word << 16 | *part as u64);
    Chance { seed: word(seed), step: word(step), node: word(node) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_comes_back_from_numbers() {
        let chance = Chance { seed: u64::MAX - 1, step: 0x0123_4567_89AB_CDEF, node: 0xFEDC_BA98 };
        assert_eq!(unpack(&pack(&chance)), chance);
    }
}
