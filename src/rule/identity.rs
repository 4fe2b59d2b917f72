//! IDI_τ (§3.2, eq. 7): row m of a D_out × D_in matrix holds τ in column m mod D_in, else zeros.
//!
//! A layer that keeps its width is the identity; one that narrows keeps the first D_out inputs; one
//! that widens repeats its inputs from the first on. Every row has one non-zero, so that every
//! output starts as a copy of one input.

use super::dims::wrap;

/// The column of row `m`'s non-zero, for D_in = `inp`.
pub(super) const fn column(m: usize, inp: usize) -> usize {
    // §3.2, eq. (7): W[m, j] = τ iff m ≡ j (mod D_in). Modulo D_in, never D_out: a wide layer
    // repeats nothing to the right.
    wrap(m, inp).1
}

#[cfg(test)]
mod tests {
    use crate::rule::{Dims, Exact, Order, picture};

    const IDI: Exact = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };

    fn dense(out: u32, inp: u32) -> Dims {
        Dims::dense(out, inp).unwrap()
    }

    #[test]
    fn a_square_layer_is_the_identity() {
        assert_eq!(picture(IDI, dense(3, 3)), ["#..", ".#.", "..#"]);
    }

    #[test]
    fn a_tall_layer_repeats_its_input() {
        assert_eq!(picture(IDI, dense(5, 2)), ["#.", ".#", "#.", ".#", "#."]);
    }

    #[test]
    fn a_wide_layer_keeps_its_first_inputs() {
        assert_eq!(picture(IDI, dense(2, 5)), ["#....", ".#..."]);
    }
}
