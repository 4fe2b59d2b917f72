//! All-CNN-C: a picture through nine convolutions and nothing else (Springenberg et al. 2015,
//! Table 1; Table 4 of the IDInit paper).

use super::{Norm, conv};
use crate::graph::{Graph, Role};

/// What can be chosen about [`all_conv`]. The default is the paper's, without norms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AllConv {
    /// Channels of the first three convolutions; the next five have twice as many.
    pub width: u32,
    /// What follows each convolution but the last.
    pub norm: Norm,
    /// Channels of the last convolution.
    pub classes: u32,
}

impl AllConv {
    /// All-CNN-C on CIFAR-10: 1,369,738 parameters.
    pub const PAPER: Self = Self { width: 96, norm: Norm::None, classes: 10 };
}

impl Default for AllConv {
    fn default() -> Self {
        Self::PAPER
    }
}

/// How many layers [`all_conv`] has.
pub const fn all_conv_nodes(net: AllConv) -> usize {
    let norms = match net.norm {
        Norm::None => 0,
        Norm::Batch => 8,
    };
    18 + norms
}

/// Convolutions of 3 × 3 with w, w, w (stride 2), 2w, 2w, 2w (stride 2) and 2w channels, two of
/// 1 × 1 with 2w channels and one for each class, and the mean over the pixels; rectifiers between
/// them.
///
/// The last one of 3 × 3 is padded like the others, so that small pictures go through it too
/// (Springenberg's is not padded).
#[track_caller]
pub const fn all_conv<const N: usize>(mut g: Graph<N>, net: AllConv) -> Graph<N> {
    let twice = net.width.saturating_mul(2);
    let mut i = 0;
    while i < 8 {
        let out = if i < 3 { net.width } else { twice };
        let kernel = if i < 7 { 3 } else { 1 };
        let stride = if matches!(i, 2 | 5) { 2 } else { 1 };
        g = conv(g, out, kernel, stride, matches!(net.norm, Norm::None)).name("conv*");
        if matches!(net.norm, Norm::Batch) {
            g = g.batch_norm().name("bn*");
        }
        g = g.relu();
        i += 1;
    }
    conv(g, net.classes, 1, 1, true)
        .name("conv*")
        .role(Role::Head)
        .global_average_pool()
        .cross_entropy(0.0)
}
