//! IDIC_τ and IDIZC_ε (§3.4): a convolution is a matrix over patches, c_out × k k c_in.
//!
//! The dense rule fills that matrix; an order of its columns says which tap and channel each is. A
//! kernel of one tap is a dense layer, in every order.

use super::{Dims, dims::wrap, identity, zero};

/// The order of the k k c_in columns of a patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Order {
    /// Column (y · kw + x) · c_in + c, the paper's k k c_in: every input channel is kept, seen
    /// through one tap. Also the order in which weights are stored.
    #[default]
    SpatialMajor,
    /// Column (c · kh + y) · kw + x, PyTorch's `weight.view(c_out, -1)`: few input channels are
    /// read, each under up to k k shifts.
    ChannelMajor,
    /// Column j is channel c = j mod c_in at tap (c + ⌊j / c_in⌋ + ⌊k k / 2⌋) mod k k: every input
    /// channel is kept, and neighbouring channels are seen through neighbouring taps, the first
    /// through the middle one. Of k k neighbouring channels every shift has its opposite. An
    /// experiment of this crate, not of the paper.
    ///
    /// IDIZ in this order has +ε where IDI has τ. Its −ε is in the next channel, c + 1 mod c_in, at
    /// the tap of that channel in the same turn ⌊j / c_in⌋, however many outputs there are; a single
    /// channel takes the next tap instead. A kernel of one tap has the dense rule.
    Diagonal,
}

impl Order {
    /// Whether the columns of a patch are in the order in which they are stored.
    #[inline(always)]
    pub(super) const fn is_stored(self, d: Dims) -> bool {
        matches!(self, Self::SpatialMajor) || d.taps() == 1
    }

    /// Where column `j` of the patch is stored in a row of `[kh][kw][in]`.
    pub(super) const fn stored(self, d: Dims, j: usize) -> usize {
        let (inp, taps) = (d.inp() as usize, d.taps());
        match self {
            Self::SpatialMajor => j,
            Self::ChannelMajor => {
                let (c, tap) = wrap(j, taps);
                tap * inp + c
            }
            Self::Diagonal => {
                let (turn, c) = wrap(j, inp);
                let (_, tap) = wrap(c + turn + taps / 2, taps);
                tap * inp + c
            }
        }
    }

    /// Where row `m` of IDIZ has its +ε and its −ε, as stored. Where they meet, −ε stands.
    pub(super) const fn stored_pair(self, d: Dims, m: usize) -> (usize, usize) {
        let (plus, minus) = match self {
            // the next channel, in the same turn; of a single channel, the next tap
            Self::Diagonal if d.taps() > 1 => {
                let (inp, plus) = (d.inp() as usize, identity::column(m, d.row()));
                let (turn, c) = wrap(plus, inp);
                let next = wrap(c + 1, inp).1 + turn * inp;
                (plus, if inp > 1 { next } else { wrap(plus + 1, d.row()).1 })
            }
            _ => zero::columns(m, d.group(), d.row()),
        };
        (self.stored(d, plus), self.stored(d, minus))
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::{Dims, Exact, Order, picture};

    const SPATIAL: Exact = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };
    const CHANNEL: Exact = Exact::Identity { gain: 1.0, order: Order::ChannelMajor };

    const DIAGONAL: Exact = Exact::Identity { gain: 1.0, order: Order::Diagonal };

    fn conv(out: u32, inp: u32, kernel: [u32; 2], groups: u32) -> Dims {
        Dims::new(out, inp, kernel, groups).unwrap()
    }

    #[test]
    fn spatial_major_keeps_every_channel() {
        let d = conv(4, 2, [1, 3], 1);
        assert_eq!(picture(SPATIAL, d), ["#.....", ".#....", "..#...", "...#.."]);
    }

    #[test]
    fn channel_major_shifts_one_channel_under_every_tap() {
        let d = conv(4, 2, [1, 3], 1);
        assert_eq!(picture(CHANNEL, d), ["#.....", "..#...", "....#.", ".#...."]);
    }

    #[test]
    fn diagonal_takes_the_next_tap_with_each_channel() {
        let d = conv(7, 2, [1, 3], 1);
        // channels 0 and 1 through taps 1 and 2, then 2 and 0, then 0 and 1, then again
        let want = ["..#...", ".....#", "....#.", ".#....", "#.....", "...#..", "..#..."];
        assert_eq!(picture(DIAGONAL, d), want);
        let d = conv(3, 1, [3, 3], 1);
        assert_eq!(picture(DIAGONAL, d), ["....#....", ".....#...", "......#.."]);
    }

    #[test]
    fn a_diagonal_branch_end_takes_the_next_channel_through_its_own_tap() {
        let rule = Exact::ZeroPreserving { eps: 1.0, order: Order::Diagonal };
        // three channels through taps 1, 2, 0; then 2, 0, 1
        let d = conv(4, 3, [1, 3], 1);
        assert_eq!(picture(rule, d), ["...#...-.", "..-....#.", "..#-.....", ".-....#.."]);
        // fewer outputs than channels: still the next channel
        assert_eq!(picture(rule, conv(2, 3, [1, 3], 1)), ["...#...-.", "..-....#."]);
    }

    #[test]
    fn a_diagonal_branch_end_of_one_channel_takes_the_next_tap() {
        let rule = Exact::ZeroPreserving { eps: 1.0, order: Order::Diagonal };
        assert_eq!(picture(rule, conv(2, 1, [3, 3], 2)), ["....#-...", "....#-..."]);
        assert_eq!(picture(rule, conv(3, 1, [1, 3], 1)), [".#-", "-.#", "#-."]);
        assert_eq!(picture(rule, conv(2, 1, [1, 1], 2)), ["-", "-"]);
    }

    #[test]
    fn each_group_starts_anew() {
        let depthwise = conv(4, 1, [1, 3], 4);
        assert_eq!(picture(SPATIAL, depthwise), ["#..", "#..", "#..", "#.."]);
        let pairs = conv(4, 2, [1, 1], 2);
        assert_eq!(picture(CHANNEL, pairs), ["#.", ".#", "#.", ".#"]);
    }

    #[test]
    fn spatial_and_channel_major_are_one_for_one_channel() {
        let d = conv(4, 1, [2, 2], 1);
        assert_eq!(picture(SPATIAL, d), picture(CHANNEL, d));
    }

    #[test]
    fn a_kernel_of_one_tap_is_a_dense_layer_in_every_order() {
        for (out, inp) in [(4, 3), (3, 3), (2, 6), (5, 7), (2, 1)] {
            let (d, of) = (conv(out, inp, [1, 1], 1), |order| {
                [Exact::Identity { gain: 1.0, order }, Exact::ZeroPreserving { eps: 1.0, order }]
            });
            for order in [Order::ChannelMajor, Order::Diagonal] {
                let dense = of(Order::SpatialMajor).map(|rule| picture(rule, d));
                assert_eq!(of(order).map(|rule| picture(rule, d)), dense, "{out} x {inp}");
            }
        }
    }

    #[test]
    fn a_channel_major_branch_end_takes_the_neighbouring_tap() {
        let rule = Exact::ZeroPreserving { eps: 1.0, order: Order::ChannelMajor };
        let d = conv(2, 2, [1, 3], 1);
        // The six columns of the patch are stored at 0, 2, 4, 1, 3, 5.
        assert_eq!(picture(rule, d), ["#...-.", ".-#..."]);
    }
}
