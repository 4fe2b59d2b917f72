//! IDIC_τ and IDIZC_ε (§3.4): a convolution is a matrix over patches, c_out × k k c_in.
//!
//! The dense rule fills that matrix; an order of its columns says which tap and channel each is.

use super::{Dims, dims::wrap};

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
}

impl Order {
    /// Where column `j` of the patch is stored in a row of `[kh][kw][in]`.
    pub(super) const fn stored(self, d: Dims, j: usize) -> usize {
        match self {
            Self::SpatialMajor => j,
            Self::ChannelMajor => {
                let (c, tap) = wrap(j, d.taps());
                tap * d.inp() as usize + c
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::{Dims, Exact, Order, picture};

    const SPATIAL: Exact = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };
    const CHANNEL: Exact = Exact::Identity { gain: 1.0, order: Order::ChannelMajor };

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
    fn each_group_starts_anew() {
        let depthwise = conv(4, 1, [1, 3], 4);
        assert_eq!(picture(SPATIAL, depthwise), ["#..", "#..", "#..", "#.."]);
        let pairs = conv(4, 2, [1, 1], 2);
        assert_eq!(picture(CHANNEL, pairs), ["#.", ".#", "#.", ".#"]);
    }

    #[test]
    fn the_orders_are_one_where_there_is_one_tap_or_one_channel() {
        for d in [conv(4, 3, [1, 1], 1), conv(4, 1, [2, 2], 1)] {
            assert_eq!(picture(SPATIAL, d), picture(CHANNEL, d));
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
