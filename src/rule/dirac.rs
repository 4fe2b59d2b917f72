//! The identity convolution (eq. 12): the centre tap is IDI_τ over channels, all others are zero.
//!
//! With c_out = c_in the output is the input. With more outputs the inputs repeat, where
//! `torch.nn.init.dirac_` leaves zeros. Its partner for the ablation (§4.3) has IDIZ_ε at that tap.

use super::Dims;

/// Where channel `c` of the centre tap is stored in a row of `[kh][kw][in]`.
pub(super) const fn stored(d: Dims, c: usize) -> usize {
    d.centre() * d.inp() as usize + c
}

#[cfg(test)]
mod tests {
    use crate::rule::{Dims, Exact, picture};

    #[test]
    fn the_centre_tap_is_the_identity() {
        let d = Dims::new(3, 2, [1, 3], 1).unwrap();
        assert_eq!(picture(Exact::Dirac { gain: 1.0 }, d), ["..#...", "...#..", "..#..."]);
        assert_eq!(picture(Exact::DiracZero { eps: 1.0 }, d), ["..#-..", "..-#..", "..#-.."]);
    }

    #[test]
    fn a_depthwise_branch_end_is_negative_at_the_centre() {
        let d = Dims::new(2, 1, [3, 3], 2).unwrap();
        assert_eq!(picture(Exact::DiracZero { eps: 1.0 }, d), ["....-....", "....-...."]);
    }
}
