//! A small plain convolutional network.

use crate::graph::{Graph, Role};

/// Two 3 × 3 convolutions of `width` channels with rectifiers, the largest of each 2 × 2 window, and
/// a classifier: 6 layers, trained for cross-entropy.
///
/// The second rectifier stands behind the maximum: the two commute, and it then has a quarter of
/// the work.
#[track_caller]
pub const fn cnn<const N: usize>(g: Graph<N>, width: u32, classes: u32) -> Graph<N> {
    g.conv2d(width, 3)
        .relu()
        .conv2d(width, 3)
        .max_pool(2)
        .relu()
        .dense(classes)
        .role(Role::Head)
        .cross_entropy(0.0)
}
