//! A row of an exact rule, that is the weights of one output: nearly all of them are zero.

use super::zero_hadamard;
use core::ops::Range;

/// The weights of one output, as a function of the stored column j = (tap, input).
#[derive(Clone, Copy)]
pub(super) enum Row {
    /// The same value in every one of `len` columns.
    Even { value: f32, len: usize },
    /// `gain` in one column and −`gain` in another, which wins where they meet.
    Pair { plus: usize, minus: Option<usize>, gain: f32 },
    /// ± `gain` in the `len` columns from `first` on: row `o` of a Hadamard matrix.
    Signs { o: usize, first: usize, len: usize, gain: f32 },
}

impl Row {
    /// The weight in column `j`.
    pub(super) const fn at(self, j: usize) -> f32 {
        match self {
            Self::Even { value, .. } => value,
            Self::Pair { minus: Some(minus), gain, .. } if j == minus => 0.0 - gain,
            Self::Pair { plus, gain, .. } if j == plus => gain,
            Self::Pair { .. } => 0.0,
            Self::Signs { o, first, len, gain } => match j.checked_sub(first) {
                Some(c) if c < len => zero_hadamard::signed(gain, o, c),
                _ => 0.0,
            },
        }
    }

    /// The `columns` whose weights are not zero, in ascending order.
    pub(super) fn nonzeros(self, columns: Range<usize>) -> impl Iterator<Item = (usize, f32)> {
        let (two, span) = match self {
            Self::Even { len, .. } => ([None, None], 0..len),
            Self::Pair { plus, minus: Some(minus), .. } if minus < plus => {
                ([Some(minus), Some(plus)], 0..0)
            }
            Self::Pair { plus, minus, .. } => {
                ([Some(plus), minus.filter(|&minus| minus != plus)], 0..0)
            }
            Self::Signs { first, len, .. } => ([None, None], first..first + len),
        };
        let span = span.start.max(columns.start)..span.end.min(columns.end);
        let two = two.into_iter().flatten().filter(move |j| columns.contains(j));
        two.chain(span).map(move |j| (j, self.at(j))).filter(|&(_, value)| value != 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_two_meet_the_negative_stands() {
        let row = Row::Pair { plus: 1, minus: Some(1), gain: 2.0 };
        assert!(row.nonzeros(0..4).eq([(1, -2.0)]));
    }

    #[test]
    fn columns_ascend() {
        let row = Row::Pair { plus: 3, minus: Some(1), gain: 2.0 };
        assert!(row.nonzeros(0..4).eq([(1, -2.0), (3, 2.0)]));
        let signs = Row::Signs { o: 1, first: 2, len: 2, gain: 1.0 };
        assert!(signs.nonzeros(0..4).eq([(2, 1.0), (3, -1.0)]));
        assert!(signs.nonzeros(3..9).eq([(3, -1.0)]));
    }

    #[test]
    fn a_gain_of_nothing_leaves_nothing() {
        let row = Row::Pair { plus: 0, minus: Some(1), gain: 0.0 };
        assert_eq!((row.nonzeros(0..4).count(), row.at(1).to_bits()), (0, 0));
    }
}
