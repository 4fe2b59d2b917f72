//! ZerO (Zhao et al. 2021, Algorithm 1): I where a layer narrows, I H I / 2^{m/2} where it widens.
//!
//! H is the p × p Hadamard matrix, p = 2^m the first power of two from D_out on. Its sign at (o, c)
//! is the parity of the bits that o and c share (Sylvester), so that it is never built. A
//! convolution has it at the centre tap.

use core::f32::consts::FRAC_1_SQRT_2;

/// `gain` · H[o, c]: negative where o and c share an odd number of bits.
pub(super) const fn signed(gain: f32, o: usize, c: usize) -> f32 {
    if (o & c).count_ones().is_multiple_of(2) { gain } else { 0.0 - gain }
}

/// 2^{−m/2} for m = ⌈log₂ `out`⌉. The authors' notebook has it so; Algorithm 1 prints
/// 2^{−(m−1)/2}, which is not orthonormal.
pub(super) const fn norm(out: u32) -> f32 {
    let m = u32::BITS - out.saturating_sub(1).leading_zeros();
    let half = f32::from_bits((127 - m / 2) << 23); // 2^−⌊m/2⌋, exactly
    if m.is_multiple_of(2) { half } else { half * FRAC_1_SQRT_2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Dims, Exact, picture};

    #[test]
    fn a_widening_layer_mixes_by_signs() {
        let d = Dims::dense(4, 3).unwrap();
        assert_eq!(picture(Exact::Hadamard { gain: 1.0 }, d), ["###", "#-#", "##-", "#--"]);
        assert_eq!(Exact::Hadamard { gain: 1.0 }.at(d, 0), 0.5);
    }

    #[test]
    fn a_narrowing_layer_is_a_partial_identity() {
        let d = Dims::new(2, 3, [1, 2], 1).unwrap();
        assert_eq!(picture(Exact::Hadamard { gain: 1.0 }, d), ["...#..", "....#."]);
    }

    #[test]
    fn the_norm_is_a_power_of_root_two() {
        let norms = [1, 2, 3, 4, 5, 1 << 31, u32::MAX].map(norm);
        let root = FRAC_1_SQRT_2;
        let half = 1.0 / 32_768.0;
        assert_eq!(norms, [1.0, root, 0.5, 0.5, 0.5 * root, half * root, half / 2.0]);
    }
}
