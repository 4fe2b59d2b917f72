//! Where every number lies: a [`Plan`] is a `const fn` of the graph, so that memory is known before
//! the program is.
//!
//! Each value of the graph has a lifetime: from the layer that writes it to the last pass that reads
//! it, forward or backward. The planner walks through one step in order of time, gives each value
//! the lowest free place that it fits, and frees places as values die (`memory.rs`). Where a layer
//! works in place, output and input are one; where the gradient of a value comes from one layer in
//! place, the two gradients are one; the gradient of the outputs takes the outputs' own place.

mod masks;
mod memory;
mod mode;
mod net;
mod table;
mod values;

pub use mode::Mode;
pub use net::{Net, Slot};
pub use table::Table;

use crate::graph::{Graph, GraphError, Node, Value};
use crate::layer::Layer;
use crate::loss::Loss;
use crate::shape::Span;

/// Why a plan cannot be made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PlanError {
    /// The graph has a mistake.
    Graph(GraphError),
    /// The batch is zero.
    Batch,
    /// The plan is for training, but the graph has no loss.
    Loss,
    /// The plan is for training, but no layer of that number or name has weights.
    Nothing,
    /// A trained batch norm would see a single number of each channel, which has no variance.
    Norm,
    /// The plan needs more numbers than 32 bits can count.
    TooLarge,
}

impl PlanError {
    /// What is wrong, in words without numbers.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Graph(error) => error.message(),
            Self::Batch => "a batch has at least one example",
            Self::Loss => "a plan for training needs a graph with a loss",
            Self::Nothing => "there is no layer to train",
            Self::Norm => "a trained batch norm needs more than one number of each channel",
            Self::TooLarge => "the plan needs more numbers than 32 bits can count",
        }
    }
}

impl core::fmt::Display for PlanError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Graph(error) => error.fmt(f),
            error => f.write_str(error.message()),
        }
    }
}

impl core::error::Error for PlanError {}

/// Where every number of a network of at most `N` layers lies.
#[derive(Clone, Copy, Debug)]
pub struct Plan<const N: usize> {
    /// Numbers (f32) for the weights of all layers.
    pub weights: usize,
    /// Numbers for the state of the update, and for the whole gradient where the update needs it.
    pub state: usize,
    /// Numbers for everything that flows between layers, forward and backward.
    pub arena: usize,
    graph: Graph<N>,
    slots: [Slot; N],
    batch: u32,
    mode: Mode,
    trained: u32,
}

impl<const N: usize> Plan<N> {
    /// The plan of a graph for batches of at most `batch` examples.
    ///
    /// # Panics
    /// Where [`Plan::checked`] returns an error; in a `const`, that is an error of the compiler.
    #[track_caller]
    pub const fn new(graph: &Graph<N>, mode: Mode, batch: usize) -> Self {
        match Self::checked(graph, mode, batch) {
            Ok(plan) => plan,
            Err(error) => panic!("{}", error.message()),
        }
    }

    /// The plan of a graph for batches of at most `batch` examples.
    ///
    /// # Errors
    /// A [`PlanError`] says why there is none.
    pub const fn checked(graph: &Graph<N>, mode: Mode, batch: usize) -> Result<Self, PlanError> {
        let graph = match graph.finish() {
            Ok(graph) => graph,
            Err(error) => return Err(PlanError::Graph(error)),
        };
        if batch == 0 {
            return Err(PlanError::Batch);
        }
        if batch > u32::MAX as usize {
            return Err(PlanError::TooLarge);
        }
        if mode.trains() && matches!(graph.loss(), Loss::None) {
            return Err(PlanError::Loss);
        }
        let mut plan = Self {
            weights: 0,
            state: 0,
            arena: 0,
            graph,
            slots: [Slot::EMPTY; N],
            batch: batch as u32,
            mode,
            trained: 0,
        };
        if !plan.lay_weights() {
            return Err(PlanError::TooLarge);
        }
        if mode.trains() && plan.trained == 0 {
            return Err(PlanError::Nothing);
        }
        if plan.norms_a_single_number() {
            return Err(PlanError::Norm);
        }
        plan.trace_gradients();
        if mode.masked {
            plan.mask_rectifiers();
        }
        // made in place: a plan of a thousand layers is too large to be copied about on a stack
        let start = plan.slots;
        let mut least = u64::MAX;
        let mut i = 0;
        while i < memory::SHARES.len() {
            let mut slots = start;
            let arena = plan.lay_values(&mut slots, memory::SHARES[i]);
            if arena < least {
                least = arena;
                plan.slots = slots;
            }
            i += 1;
        }
        if least > u32::MAX as u64 {
            return Err(PlanError::TooLarge);
        }
        plan.arena = least as usize;
        Ok(plan)
    }

    /// What an engine takes.
    pub const fn net(&self) -> Net<'_> {
        Net {
            nodes: self.graph.nodes(),
            slots: match self.slots.split_at_checked(self.graph.nodes().len()) {
                Some((slots, _)) => slots,
                None => &[],
            },
            loss: self.graph.loss(),
            uses: self.graph.uses(),
            input: self.graph.input_shape(),
            output: self.graph.output(),
            batch: self.batch as usize,
            trains: self.mode.trains(),
            update_state: self.mode.state as usize,
            gradient: self.mode.gradient,
            in_parts: self.mode.in_parts,
            step: self.mode.step as usize,
            trained: self.trained as usize,
            weights: self.weights,
            state: self.state,
            arena: self.arena,
        }
    }

    /// Lays the weights of all layers behind each other, and the state of those that are trained.
    /// False if there are too many.
    const fn lay_weights(&mut self) -> bool {
        let nodes = self.graph.nodes();
        let (mut weights, mut trained) = (0u64, 0u64);
        let mut layers_left = 0;
        let mut k = 0;
        while k < nodes.len() {
            layers_left += nodes[k].layer.part(nodes[k].input, 0).is_some() as u32;
            k += 1;
        }
        k = 0;
        while k < nodes.len() {
            let node = &nodes[k];
            let which = self.mode.trains_of(node, layers_left);
            let (mut all, mut moved, mut part) = (0u64, 0u64, 0);
            while let Some(p) = node.layer.part(node.input, part) {
                all += p.dims.len() as u64;
                if which.moves(p.kind) {
                    moved += p.dims.len() as u64;
                }
                part += 1;
            }
            let slot = &mut self.slots[k];
            slot.trained = which;
            layers_left -= (all > 0) as u32;
            if weights + all > u32::MAX as u64 {
                return false;
            }
            slot.weights = Span { start: weights as u32, len: all as u32 };
            weights += all;
            if moved > 0 {
                slot.moved = Span { start: trained as u32, len: moved as u32 };
                trained += moved;
            }
            k += 1;
        }
        let state = trained * (self.mode.state as u64 + self.mode.gradient as u64);
        self.weights = weights as usize;
        self.state = state as usize;
        self.trained = trained as u32;
        state <= u32::MAX as u64
    }

    /// Whether a trained batch norm sees one example of one pixel.
    const fn norms_a_single_number(&self) -> bool {
        let nodes = self.graph.nodes();
        let mut k = 0;
        while k < nodes.len() {
            let single = self.batch == 1 && nodes[k].input.pixels() == 1;
            if single
                && self.slots[k].trained.any()
                && matches!(nodes[k].layer, Layer::BatchNorm(_))
            {
                return true;
            }
            k += 1;
        }
        false
    }

    /// Finds the layers that have a backward pass: those that are trained, or have a trained one
    /// before them, and whose output the loss depends on.
    const fn trace_gradients(&mut self) {
        let nodes = self.graph.nodes();
        let mut k = 0;
        while k < nodes.len() {
            self.slots[k].backward = self.slots[k].trained.any()
                || self.has_gradient(nodes[k].from)
                || self.second_has_gradient(&nodes[k]);
            k += 1;
        }
        // from the loss back: a value is reached if a reached layer with a backward pass takes it
        let mut reached = [false; N];
        while k > 0 {
            k -= 1;
            reached[k] |= k + 1 == nodes.len();
            self.slots[k].backward &= reached[k];
            if self.slots[k].backward {
                if let Some(from) = nodes[k].from.node() {
                    reached[from] = true;
                }
                if let Some(second) = nodes[k].second
                    && let Some(second) = second.node()
                {
                    reached[second] = true;
                }
            }
        }
    }

    const fn has_gradient(&self, value: Value) -> bool {
        match value.node() {
            None => false,
            Some(node) => self.slots[node].backward,
        }
    }

    const fn second_has_gradient(&self, node: &Node) -> bool {
        match node.second {
            None => false,
            Some(value) => self.has_gradient(value),
        }
    }
}

#[cfg(test)]
mod tests;
