//! Chance as a function of the index: uniform and normal numbers from Philox blocks.
//!
//! Weight i has word i mod 4 of block ⌊i / 4⌋; the counter is [block low, block high, tensor,
//! attempt]. The arithmetic is IEEE single precision and `libm`'s, in a fixed order, so that all
//! processors agree.

use super::philox::philox;
use core::f32::consts::TAU;

/// What names a tensor's chance: the run's seed and the tensor's number within the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key {
    /// The run's seed.
    pub seed: u64,
    /// The tensor's number; two tensors of a model differ here.
    pub tensor: u32,
}

/// Draws beyond ± 2 σ come again this often at most; all of them fail once in 10^21.
const ATTEMPTS: u32 = 16;

impl Key {
    const fn words(self, block: usize, attempt: u32) -> [u32; 4] {
        let (block, seed) = (block as u64, self.seed);
        let counter = [block as u32, (block >> 32) as u32, self.tensor, attempt];
        philox(counter, [seed as u32, (seed >> 32) as u32])
    }

    /// Uniform in [−1, 1), a multiple of 2⁻²³.
    pub(super) const fn uniform(self, i: usize) -> f32 {
        let [a, b, c, d] = self.uniforms(i / 4);
        match i % 4 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        }
    }

    /// The uniform numbers of a block.
    pub(super) const fn uniforms(self, block: usize) -> [f32; 4] {
        let [a, b, c, d] = self.words(block, 0);
        [signed(a), signed(b), signed(c), signed(d)]
    }

    /// Standard normal.
    pub(super) fn normal(self, i: usize, attempt: u32) -> f32 {
        let [a, b, c, d] = self.words(i / 4, attempt);
        let (radius, angle) = if i % 4 < 2 { polar(a, b) } else { polar(c, d) };
        radius * if i.is_multiple_of(2) { libm::cosf(angle) } else { libm::sinf(angle) }
    }

    /// The normal numbers of a block.
    pub(super) fn normals(self, block: usize) -> [f32; 4] {
        let [a, b, c, d] = self.words(block, 0);
        let ((r, s), (q, t)) = (polar(a, b), polar(c, d));
        [r * libm::cosf(s), r * libm::sinf(s), q * libm::cosf(t), q * libm::sinf(t)]
    }

    /// Standard normal within ± 2: the first draw there of a bounded number.
    pub(super) fn truncated(self, i: usize) -> f32 {
        let mut draws = (0..ATTEMPTS).map(|attempt| self.normal(i, attempt));
        draws.find(|z| (-2.0..=2.0).contains(z)).unwrap_or(0.0)
    }
}

/// The upper 24 bits as a number in [−1, 1).
const fn signed(word: u32) -> f32 {
    (word as i32 >> 8) as f32 * f32::from_bits((127 - 23) << 23)
}

/// Box–Muller: the radius √(−2 ln u), u in (0, 1], and the angle of a standard normal pair.
fn polar(a: u32, b: u32) -> (f32, f32) {
    const PER_WORD: f32 = f32::from_bits((127 - 32) << 23); // 2⁻³²
    let u = (a as f32 + 1.0) * PER_WORD;
    let turn = (b >> 8) as f32 * f32::from_bits((127 - 24) << 23);
    (libm::sqrtf(-2.0 * libm::logf(u)), TAU * turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { seed: 1, tensor: 2 };

    #[test]
    fn one_number_is_the_same_as_its_block() {
        for i in 0..64 {
            assert_eq!(KEY.uniform(i), KEY.uniforms(i / 4)[i % 4]);
            assert_eq!(KEY.normal(i, 0), KEY.normals(i / 4)[i % 4]);
        }
    }

    #[test]
    fn the_ends_of_a_word_stay_in_range() {
        assert_eq!((signed(0x8000_0000), signed(0)), (-1.0, 0.0));
        assert!(signed(0x7FFF_FFFF) < 1.0);
        assert_eq!(polar(u32::MAX, 0), (0.0, 0.0));
        assert!((polar(0, 0).0 - 6.66).abs() < 0.01);
    }

    #[test]
    fn truncated_draws_are_the_normal_ones_where_those_are_kept() {
        for i in 0..1000 {
            let (cut, whole) = (KEY.truncated(i), KEY.normal(i, 0));
            assert!(cut.abs() <= 2.0 && (cut == whole || whole.abs() > 2.0));
        }
    }
}
