//! A small residual network without norms: the kind of network that a random start does not train
//! when it is deep, and an identity start does.

use crate::graph::{Graph, Role};

/// How many layers [`residual`] has.
pub const fn residual_nodes(blocks: usize) -> usize {
    2 + 5 * blocks + 3
}

/// A 3 × 3 convolution of `width` channels, then `blocks` residual blocks of two such convolutions
/// (rectifier behind the sum), the largest of each 2 × 2 window, and a classifier:
/// [`residual_nodes`] layers, trained for cross-entropy.
#[track_caller]
pub const fn residual<const N: usize>(
    mut g: Graph<N>,
    width: u32,
    blocks: usize,
    classes: u32,
) -> Graph<N> {
    g = g.conv2d(width, 3).name("stem").relu();
    let mut block = 0;
    while block < blocks && block < N {
        let skip = g.here();
        g = g.conv2d(width, 3).role(Role::Branch).name("blocks.*.conv1").relu();
        g = g.conv2d(width, 3).role(Role::BranchEnd).name("blocks.*.conv2").add(skip).relu();
        block += 1;
    }
    g.max_pool(2).flatten().dense(classes).role(Role::Head).name("head").cross_entropy(0.0)
}
