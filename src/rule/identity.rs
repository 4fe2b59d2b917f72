//! IDI_τ (§3.2, eq. 7): row m of a D_out × D_in matrix holds τ in column m mod D_in, else zeros.
//!
//! A layer that keeps its width is the identity; one that narrows keeps the first D_out inputs; one
//! that widens repeats its inputs from the first on. Every row has one non-zero, so that every
//! output starts as a copy of one input.

use super::{Dims, dims::wrap};

/// The column of row `m`'s non-zero, for D_in = `inp`.
pub(super) const fn column(m: usize, inp: usize) -> usize {
    // §3.2, eq. (7): W[m, j] = τ iff m ≡ j (mod D_in). Modulo D_in, never D_out: a wide layer
    // repeats nothing to the right.
    wrap(m, inp).1
}

/// The columns that a diagonal runs through, one further with each row, and around.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// The lowest of them.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// How far row 0 is from the lowest.
    pub shift: usize,
}

impl Columns {
    /// All columns of a row, from the first on: those of IDI.
    pub fn all(d: Dims) -> Self {
        Self { first: 0, count: d.row(), shift: 0 }
    }
}

/// Writes a diagonal into a window that begins at index `start`, for columns in the order of storage.
///
/// The same as [`column`] for each row, but counted along instead of divided: a microcontroller
/// spends a dozen instructions on a row.
pub(super) fn write<T: Copy>(d: Dims, start: usize, w: &mut [T], value: T, columns: Columns) {
    let Columns { first, count, shift } = columns;
    let (row, group) = (d.row().max(1), d.group());
    let (o, skipped) = wrap(start, row);
    let (_, mut m) = wrap(o, group);
    let (_, mut j) = wrap(m + shift, count);
    let mut begin = first.wrapping_sub(skipped);
    for _ in 0..(skipped + w.len()).div_ceil(row) {
        // where the window begins or ends within a row, the index wraps or is too large
        if let Some(w) = w.get_mut(begin.wrapping_add(j)) {
            *w = value;
        }
        begin = begin.wrapping_add(row);
        (m, j) = (m + 1, j + 1);
        if m == group {
            (_, j) = wrap(shift, count);
            m = 0;
        } else if j == count {
            j = 0;
        }
    }
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
