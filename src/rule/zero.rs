//! IDIZ_ε (§3.3): every row holds +ε in one column and −ε in another.
//!
//! A residual branch that ends so starts at nearly nothing, with mean 0 and variance 2 ε² Var(x),
//! and none of its weights is dead.

use super::{Dims, dims::wrap, identity, identity::Columns};

/// The default ε of IDIZ (§3.3).
pub const EPS: f32 = 1e-6;

/// The columns of row `m`'s +ε and −ε, for D_out = `out` and D_in = `inp`. Where there is one input
/// only they meet, and −ε stands.
pub(super) const fn columns(m: usize, out: usize, inp: usize) -> (usize, usize) {
    let plus = identity::column(m, inp);
    if out < inp {
        // §3.3 (i): θ[:, D_out + 1 : D_in] = IDI_−ε, a fresh block that wraps at its own width.
        (plus, out + identity::column(m, inp - out))
    } else {
        // §3.3 (ii): −ε where m % D_in = j − 1, counted from one: the next column, cyclically.
        (plus, wrap(plus + 1, inp).1)
    }
}

/// The columns of the −ε, in the order of storage.
pub(super) fn minus(d: Dims) -> Columns {
    let (out, inp) = (d.group(), d.row());
    match inp.checked_sub(out) {
        Some(count) if count > 0 => Columns { first: out, count, shift: 0 },
        _ => Columns { first: 0, count: inp, shift: 1 },
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::{Dims, EPS, Exact, Order, picture};

    const IDIZ: Exact = Exact::ZeroPreserving { eps: EPS, order: Order::SpatialMajor };

    fn dense(out: u32, inp: u32) -> Dims {
        Dims::dense(out, inp).unwrap()
    }

    #[test]
    fn a_square_layer_takes_the_next_input_from_each() {
        assert_eq!(picture(IDIZ, dense(4, 4)), ["#-..", ".#-.", "..#-", "-..#"]);
    }

    #[test]
    fn a_tall_layer_repeats_the_square() {
        assert_eq!(picture(IDIZ, dense(5, 3)), ["#-.", ".#-", "-.#", "#-.", ".#-"]);
    }

    #[test]
    fn a_wide_layer_takes_from_the_inputs_that_the_identity_leaves() {
        assert_eq!(picture(IDIZ, dense(2, 6)), ["#.-...", ".#.-.."]);
    }

    #[test]
    fn two_spare_inputs_take_turns() {
        let five_by_seven = ["#....-.", ".#....-", "..#..-.", "...#..-", "....#-."];
        assert_eq!(picture(IDIZ, dense(5, 7)), five_by_seven);
    }

    #[test]
    fn a_single_input_is_negative_not_dead() {
        assert_eq!(picture(IDIZ, dense(2, 1)), ["-", "-"]);
    }
}
