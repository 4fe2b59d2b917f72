//! The networks that can be asked for by name, each with settings that are known to train it.
//!
//! Networks here are built at run time, for any input, as drafts: sizes that cannot be are an error
//! with numbers in it, not a panic.
//!
//! ```
//! use idinit::{model::catalog, shape::Shape};
//! let entry = catalog::find("residual").unwrap();
//! let graph = entry.graph(Shape::hwc(8, 8, 1), entry.sizes)?;
//! assert_eq!(graph.output(), Shape::vector(10));
//! # Ok::<(), idinit::graph::GraphError>(())
//! ```

use super::{Activation, LINEAR_5, cnn, mlp, residual};
use crate::graph::{Graph, GraphError};
use crate::shape::Shape;

/// The most layers that a network of the catalogue may have: 50 residual blocks.
pub const ROOM: usize = 256;

/// The classes of all data sets that the networks are trained on.
pub const CLASSES: u32 = 10;

/// What can be chosen about a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes<'a> {
    /// Residual blocks of so many channels.
    Blocks {
        /// Channels.
        width: u32,
        /// How many blocks.
        blocks: usize,
    },
    /// Convolutions of so many channels.
    Width(u32),
    /// Hidden layers of these widths.
    Hidden(&'a [u32]),
    /// Nothing.
    Fixed,
}

/// Settings that train a network well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The data set: `digits`, `mnist` or `fashion`.
    pub data: &'static str,
    /// How often all examples are taken.
    pub epochs: u32,
    /// Examples in a step.
    pub batch: u32,
    /// The largest learning rate.
    pub rate: f32,
    /// How it goes on from there: `constant`, `linear` or `cosine`.
    pub schedule: &'static str,
    /// The momentum.
    pub momentum: f32,
    /// The weight decay.
    pub decay: f32,
}

/// A network by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Its sizes, if nobody asks for others.
    pub sizes: Sizes<'static>,
    /// Settings that train it.
    pub habits: Habits,
    activation: Activation,
}

const HABITS: Habits = Habits {
    data: "digits",
    epochs: 10,
    batch: 16,
    rate: 0.05,
    schedule: "linear",
    momentum: 0.9,
    decay: 5e-4,
};

/// Linear-5 of Appendix C.1: its rate, momentum, decay and schedule are the paper's; the paper runs
/// 30 epochs.
const LINEAR: Habits = Habits {
    data: "mnist",
    epochs: 5,
    batch: 128,
    rate: 0.1,
    schedule: "cosine",
    momentum: 0.9,
    decay: 5e-4,
};

/// Every network of the catalogue.
pub const ALL: &[Entry] = &[
    Entry {
        name: "residual",
        about: "residual blocks of 3×3 convolutions, without norms",
        sizes: Sizes::Blocks { width: 8, blocks: 6 },
        habits: HABITS,
        activation: Activation::Relu,
    },
    Entry {
        name: "mlp",
        about: "fully connected layers with rectifiers, 64-32-32-10 on the digits",
        sizes: Sizes::Hidden(&[32, 32]),
        habits: HABITS,
        activation: Activation::Relu,
    },
    Entry {
        name: "cnn",
        about: "two 3×3 convolutions, a maximum and a classifier",
        sizes: Sizes::Width(8),
        habits: HABITS,
        activation: Activation::Relu,
    },
    Entry {
        name: "linear5",
        about: "784-512-512-512-512-10 with rectifiers, for MNIST (Appendix C.1)",
        sizes: Sizes::Fixed,
        habits: LINEAR,
        activation: Activation::Relu,
    },
    Entry {
        name: "linear5-tanh",
        about: "784-512-512-512-512-10 with tanh, for MNIST (Appendix C.1)",
        sizes: Sizes::Fixed,
        habits: LINEAR,
        activation: Activation::Tanh,
    },
];

/// The network of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// The network for inputs of a shape. Sizes of another sort than its own are left aside.
    ///
    /// # Errors
    /// Where sizes and input make no network.
    pub fn graph(&self, input: Shape, sizes: Sizes<'_>) -> Result<Graph<ROOM>, GraphError> {
        let draft = Graph::draft(input);
        let graph = match (self.sizes, sizes) {
            (Sizes::Blocks { .. }, Sizes::Blocks { width, blocks })
            | (Sizes::Blocks { width, blocks }, _) => {
                // a draft that is full counts no further
                residual(draft, width, blocks.min(ROOM), CLASSES)
            }
            (Sizes::Width(_), Sizes::Width(width)) | (Sizes::Width(width), _) => {
                cnn(draft, width, CLASSES)
            }
            (Sizes::Hidden(_), Sizes::Hidden(hidden)) | (Sizes::Hidden(hidden), _) => {
                mlp(draft, hidden, self.activation, CLASSES)
            }
            (Sizes::Fixed, _) => mlp(draft, &LINEAR_5, self.activation, CLASSES),
        };
        graph.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_network_for_its_pictures() {
        for entry in ALL {
            for input in [Shape::hwc(8, 8, 1), Shape::hwc(28, 28, 1)] {
                let graph = entry.graph(input, entry.sizes).unwrap();
                assert_eq!(graph.output(), Shape::vector(CLASSES), "{}", entry.name);
            }
            assert_eq!(find(entry.name).unwrap().about, entry.about);
        }
        assert!(find("resnet").is_none());
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        let input = Shape::hwc(8, 8, 1);
        let residual = |width, blocks| {
            find("residual").unwrap().graph(input, Sizes::Blocks { width, blocks }).err()
        };
        assert_eq!(residual(8, 50), None);
        assert_eq!(residual(8, usize::MAX), Some(GraphError::Full { room: ROOM }));
        assert!(matches!(residual(0, 1), Some(GraphError::Layer { node: 0, .. })));
        assert!(matches!(residual(u32::MAX, 1), Some(GraphError::Layer { node: 0, .. })));
        let tall = Sizes::Hidden(&[32, 0]);
        let error = find("mlp").unwrap().graph(input, tall).err();
        assert!(matches!(error, Some(GraphError::Layer { node: 2, .. })));
    }
}
