//! Philox 4 × 32-10: four random words are a function of a 128-bit counter and a 64-bit key.
//!
//! Any weight's chance can therefore be had alone, in any order, on any number of threads. Ten
//! rounds pass BigCrush; there are integers only, so every processor makes the same words. Salmon
//! et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// Four random words for a counter and a key.
pub const fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k, mut l]) = (counter, key);
    let mut round = 0;
    while round < 10 {
        let left = a as u64 * 0xD251_1F53;
        let right = c as u64 * 0xCD9E_8D57;
        (a, b) = ((right >> 32) as u32 ^ b ^ k, right as u32);
        (c, d) = ((left >> 32) as u32 ^ d ^ l, left as u32);
        // Weyl sequences of the golden ratio and of √3 − 1.
        (k, l) = (k.wrapping_add(0x9E37_79B9), l.wrapping_add(0xBB67_AE85));
        round += 1;
    }
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kat_vectors` of Random123, philox4x32 with 10 rounds.
    #[test]
    fn known_answers_of_random123() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        );
        assert_eq!(
            philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }
}
