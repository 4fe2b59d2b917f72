//! A plan without its size: what an engine works on.

use crate::graph::{Node, Value};
use crate::layer::{LayerSet, Trained};
use crate::loss::Loss;
use crate::shape::{Shape, Span};

/// Where the numbers of one layer lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slot {
    /// All its weights, one part after the other, in the buffer of weights.
    pub weights: Span,
    /// Its trained weights among all trained weights: `STATE` numbers each in the buffer of state.
    pub moved: Span,
    /// Its output, in the arena.
    pub y: Span,
    /// The gradient of its output, in the arena.
    pub dy: Span,
    /// What it saves for its backward pass, in the arena.
    pub saved: Span,
    /// Which of its weights are trained.
    pub trained: Trained,
    /// Whether it has a backward pass.
    pub backward: bool,
    /// Whether the gradient of its output becomes that of its input in place.
    pub(crate) shares_gradient: bool,
    /// Whether it is the first to add to the gradient of its first and second operand.
    pub(crate) fresh: [bool; 2],
}

impl Slot {
    pub(super) const EMPTY: Self = Self {
        weights: Span::EMPTY,
        moved: Span::EMPTY,
        y: Span::EMPTY,
        dy: Span::EMPTY,
        saved: Span::EMPTY,
        trained: Trained::Nothing,
        backward: false,
        shares_gradient: false,
        fresh: [false; 2],
    };
}

/// A planned network, as an engine sees it.
#[derive(Clone, Copy, Debug)]
pub struct Net<'a> {
    pub(crate) nodes: &'a [Node],
    pub(crate) slots: &'a [Slot],
    pub(crate) loss: Loss,
    pub(crate) uses: LayerSet,
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    pub(crate) batch: usize,
    pub(crate) trains: bool,
    /// Numbers of state that the update keeps for each trained weight.
    pub(crate) update_state: usize,
    /// Whether there is room for the whole gradient, behind the state.
    pub(crate) gradient: bool,
    /// Whether there is so only because steps will be taken in parts.
    pub(crate) in_parts: bool,
    /// Examples of a step that is taken in parts; 0 where it has as many as come.
    pub(crate) step: usize,
    pub(crate) trained: usize,
    pub(crate) weights: usize,
    pub(crate) state: usize,
    pub(crate) arena: usize,
}

impl<'a> Net<'a> {
    /// The layers, in the order in which they compute.
    pub const fn nodes(&self) -> &'a [Node] {
        self.nodes
    }

    /// Where the numbers of each layer lie.
    pub const fn slots(&self) -> &'a [Slot] {
        self.slots
    }

    /// The layers and losses that an engine has to link.
    pub const fn uses(&self) -> LayerSet {
        self.uses
    }

    /// The shape of one input.
    pub const fn input(&self) -> Shape {
        self.input
    }

    /// The shape of one output.
    pub const fn output(&self) -> Shape {
        self.output
    }

    /// The most examples that a batch may have.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Numbers for the weights of all layers.
    pub const fn weights(&self) -> usize {
        self.weights
    }

    /// Numbers for the state of the update, and for the whole gradient where it needs one.
    pub const fn state(&self) -> usize {
        self.state
    }

    /// Numbers of the update's state that outlive a step: what a checkpoint holds beside the weights.
    pub const fn kept(&self) -> usize {
        self.trained * self.update_state
    }

    /// Numbers for what flows between layers.
    pub const fn arena(&self) -> usize {
        self.arena
    }

    /// Where a value lies in the arena; nowhere, if it is the input.
    pub(crate) fn value(&self, value: Value) -> Span {
        value.node().and_then(|node| self.slots.get(node)).map_or(Span::EMPTY, |slot| slot.y)
    }

    /// Where the gradient of a value lies in the arena; nowhere, if nobody wants it.
    pub(crate) fn gradient(&self, value: Value) -> Span {
        value.node().and_then(|node| self.slots.get(node)).map_or(Span::EMPTY, |slot| slot.dy)
    }

    /// Rows of outputs in a batch of `examples`, each with a loss of its own: their pixels.
    pub(crate) const fn rows(&self, examples: usize) -> usize {
        examples * self.output.pixels()
    }

    /// How many weights are trained.
    pub const fn trained(&self) -> usize {
        self.trained
    }
}
