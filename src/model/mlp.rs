//! Fully connected layers with an activation between each two.

use crate::graph::{Graph, Role};

/// What stands between two layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Activation {
    /// max(0, x).
    #[default]
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

/// The hidden widths of Linear-5, 784-512-512-512-512-10 on MNIST (Appendix C.1).
pub const LINEAR_5: [u32; 4] = [512; 4];

/// Hidden layers of the given widths, then a classifier: 2 · hidden + 1 layers, trained for
/// cross-entropy.
///
/// ```
/// use idinit::{graph::Graph, model::{self, Activation}, shape::Shape};
/// const NET: Graph<5> = model::mlp(Graph::input(Shape::vector(64)), &[32, 32], Activation::Relu, 10);
/// ```
#[track_caller]
pub const fn mlp<const N: usize>(
    mut g: Graph<N>,
    hidden: &[u32],
    activation: Activation,
    classes: u32,
) -> Graph<N> {
    let mut i = 0;
    while i < hidden.len() {
        g = g.dense(hidden[i]);
        g = match activation {
            Activation::Relu => g.relu(),
            Activation::Tanh => g.tanh(),
        };
        i += 1;
    }
    g.dense(classes).role(Role::Head).cross_entropy(0.0)
}
