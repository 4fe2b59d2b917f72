//! The networks through which Appendix C.2 sends noise, to see what becomes of its variance: fully
//! connected or convolutional (that one is [`all_conv`](super::all_conv)), plain or residual. They
//! have no classifier and no loss.

use crate::graph::{Graph, Role};

/// The widths of the ten layers of FC.
pub const FC: [u32; 10] = [200, 400, 600, 800, 1000, 1000, 800, 600, 400, 200];

/// Ten fully connected layers of the widths [`FC`] without activations, on vectors of 96 numbers.
#[track_caller]
pub const fn fc<const N: usize>(mut g: Graph<N>) -> Graph<N> {
    let mut i = 0;
    while i < FC.len() {
        g = g.dense(FC[i]).name("fc*");
        i += 1;
    }
    g
}

/// How many layers [`res_fc`] has.
pub const fn res_fc_nodes(blocks: usize) -> usize {
    3 * blocks
}

/// Blocks y = x + W₂ W₁ x that keep the width, without activations; the paper has 10 of them of
/// width 96. The input is a vector.
#[track_caller]
pub const fn res_fc<const N: usize>(mut g: Graph<N>, blocks: usize) -> Graph<N> {
    let width = super::channels(&g);
    let mut block = 0;
    while block < blocks && block < N {
        let skip = g.here();
        g = g.dense(width).role(Role::Branch).name("blocks.*.fc1");
        g = g.dense(width).role(Role::BranchEnd).name("blocks.*.fc2").add(skip);
        block += 1;
    }
    g
}

/// How many layers [`res_conv`] has.
pub const fn res_conv_nodes(blocks: usize) -> usize {
    2 + 5 * blocks
}

/// A convolution of 3 × 3, then blocks of two of them that keep width and height, with rectifiers;
/// the paper has 10 blocks of 16 channels.
#[track_caller]
pub const fn res_conv<const N: usize>(mut g: Graph<N>, width: u32, blocks: usize) -> Graph<N> {
    g = g.conv2d(width, 3).name("stem").relu();
    let mut block = 0;
    while block < blocks && block < N {
        let skip = g.here();
        g = g.conv2d(width, 3).role(Role::Branch).name("blocks.*.conv1").relu();
        g = g.conv2d(width, 3).role(Role::BranchEnd).name("blocks.*.conv2").add(skip).relu();
        block += 1;
    }
    g
}
