//! Which rule for which weight: a [`Scheme`] looks at a layer, its part in the network and what the
//! network is like, and names the rule.

mod ablation;
mod baseline;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod idinit;
mod initial;
mod loosened;
mod named;
mod orthonormal;
mod residual;
mod t_fixup;
mod written;

pub use ablation::{Ablation, Ends};
pub use baseline::{Kaiming, TorchDefault, Xavier};
pub use idinit::IdInit;
pub use initial::{Initial, Tensor, tensors};
pub use loosened::Loosened;
pub use named::Named;
pub use orthonormal::{DeltaOrthonormal, Lsuv, Orthonormal};
pub use residual::{Fixup, ReZero, SkipInit, ZerO, ZeroGamma};
pub use t_fixup::TFixup;
pub use written::Written;

use crate::graph::{Node, Role, Value};
use crate::layer::{All, Layer, Part, PartKind, Uses};
use crate::plan::Net;
use crate::rule::{EPS, Exact, Fill, Key, LengthError, Order, Random, Rule};

/// What schemes know of a network as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Facts {
    /// The number of the first layer with weights.
    pub first: usize,
    /// Whether activations are rectifiers.
    pub relu: bool,
    /// How many residual branches there are. A network without any is a plain one.
    pub branches: u32,
    /// How many weight layers a residual branch has (the mean, rounded down).
    pub branch_layers: u32,
}

impl Facts {
    /// The facts of a list of layers.
    pub fn of(nodes: &[Node]) -> Self {
        Self::linked::<All>(nodes)
    }

    #[inline(always)]
    fn linked<L: Uses>(nodes: &[Node]) -> Self {
        // a graph gives these parts only to layers that have a matrix
        let count = |role| nodes.iter().filter(|node| node.role == role).count() as u32;
        let branches = count(Role::BranchEnd);
        Self {
            first: nodes.iter().position(has_matrix::<L>).unwrap_or(0),
            relu: nodes
                .iter()
                .any(|node| matches!(node.layer, Layer::Relu(_) | Layer::MaskedRelu(_))),
            branches,
            branch_layers: (count(Role::Branch) + branches).checked_div(branches).unwrap_or(0),
        }
    }

    /// Whether the network has residual branches.
    pub const fn is_residual(&self) -> bool {
        self.branches > 0
    }
}

/// Whether the layer has a matrix or a kernel.
#[inline(always)]
fn has_matrix<L: Uses>(node: &Node) -> bool {
    node.layer.linked_part::<L>(node.input, 0).is_some_and(|part| part.kind == PartKind::Weight)
}

/// A weight in its place.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The network.
    pub facts: &'a Facts,
    /// The layers of the network.
    pub nodes: &'a [Node],
    /// The number of the layer.
    pub number: usize,
    /// The layer.
    pub node: &'a Node,
    /// The weight.
    pub part: Part,
    /// The number of the weight in its layer.
    pub part_number: usize,
}

impl Site<'_> {
    /// The weight's own source of chance: adapters, and the sums behind them, change nobody's.
    pub fn key(&self, seed: u64) -> Key {
        let up = |node: &&Node| node.role == Role::AdapterUp;
        let adapters = self.nodes.iter().take(self.number).filter(up).count();
        let number = self.number - 3 * adapters.min(self.number / 3);
        Key { seed, tensor: (number as u32) << 2 | self.part_number as u32 & 3 }
    }

    /// The start of an adapter, alike under all schemes: down by IDI, up by IDIZ.
    #[inline(always)]
    pub const fn adapter(&self) -> Option<Exact> {
        let order = Order::SpatialMajor;
        match self.node.role {
            Role::AdapterDown => Some(Exact::Identity { gain: 1.0, order }),
            Role::AdapterUp => Some(Exact::ZeroPreserving { eps: EPS, order }),
            _ => None,
        }
    }

    /// The layer whose output a value is, behind the adapter that may have been added to it.
    fn layer_of(&self, value: Value) -> Option<usize> {
        let number = value.node()?;
        let node = self.nodes.get(number)?;
        let adapts = |value: Value| {
            let from = value.node().and_then(|from| self.nodes.get(from));
            from.is_some_and(|from| from.role == Role::AdapterUp)
        };
        match node.second {
            Some(second) if adapts(node.from) => second.node(),
            _ => Some(number),
        }
    }

    /// The start that all schemes agree on for what is not a matrix: norms change nothing, biases
    /// are zero, multipliers one.
    pub const fn plain(&self) -> Exact {
        match self.part.kind {
            PartKind::Gain | PartKind::Multiplier | PartKind::RunningVariance => {
                Exact::Constant { value: 1.0 }
            }
            _ => Exact::Zero,
        }
    }

    /// Whether a batch norm takes what the layer puts out.
    #[inline(always)]
    pub fn feeds_batch_norm(&self) -> bool {
        let from_here = |node: &Node| self.layer_of(node.from) == Some(self.number);
        self.nodes.iter().any(|node| matches!(node.layer, Layer::BatchNorm(_)) && from_here(node))
    }

    /// Whether the layer makes the queries, keys and values of an attention.
    pub fn feeds_attention(&self) -> bool {
        let from_here = |node: &Node| self.layer_of(node.from) == Some(self.number);
        self.nodes.iter().any(|node| matches!(node.layer, Layer::Attention(_)) && from_here(node))
    }

    /// Whether the layer works on what a residual branch's last matrix puts out, directly or behind
    /// layers without a matrix, and within the branch.
    pub fn is_behind_branch(&self) -> bool {
        let mut node = self.node;
        while let (None, Some(before)) = (node.second, self.layer_of(node.from)) {
            match self.nodes.get(before) {
                Some(before) if has_matrix::<All>(before) => return before.role == Role::BranchEnd,
                Some(before) => node = before,
                None => return false,
            }
        }
        false
    }

    /// The start of a table (embeddings, positions, a class token), whose rows have to differ:
    /// uniform, with a deviation of 0.02 in a network with attention, as GPT, BERT and ViT have it, and
    /// of 1 elsewhere, as PyTorch's `Embedding` has it. The paper is silent.
    ///
    /// With seed 0, it is a function of the index as every weight of IDInit is.
    pub fn table(&self, seed: u64) -> Random {
        let attends = self.nodes.iter().any(|node| matches!(node.layer, Layer::Attention(_)));
        let deviation = if attends { 0.02 } else { 1.0 };
        // a uniform number in ± b has the deviation b / √3
        Random::uniform(deviation * 1.732_050_8, self.key(seed))
    }

    /// Whether the weight is rows to be looked up.
    pub const fn is_table(&self) -> bool {
        matches!(self.part.kind, PartKind::Table)
    }

    /// Whether the weight is a matrix or a kernel.
    pub const fn is_matrix(&self) -> bool {
        matches!(self.part.kind, PartKind::Weight)
    }
}

/// A way to start a network: a rule for each of its weights.
pub trait Scheme {
    /// What writes a weight. A scheme whose rules are all [`Exact`] links no logarithm.
    type Start: Fill;

    /// The start of one weight.
    fn start(&self, site: &Site<'_>) -> Self::Start;

    /// The start of a table; see [`Site::table`].
    fn table(&self, site: &Site<'_>) -> Rule {
        site.table(0).into()
    }

    /// Writes a window of the start of one weight, which is no table.
    ///
    /// # Errors
    /// A [`LengthError`] where the window does not end within the weight, and for a part of a weight
    /// that can only be written whole.
    #[inline(always)]
    fn fill_window(&self, site: &Site<'_>, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        self.start(site).fill_window(site.part.dims, start, w)
    }
}

impl<S: Scheme> Scheme for &S {
    type Start = S::Start;

    #[inline(always)]
    fn start(&self, site: &Site<'_>) -> S::Start {
        S::start(self, site)
    }

    #[inline(always)]
    fn table(&self, site: &Site<'_>) -> Rule {
        S::table(self, site)
    }

    #[inline(always)]
    fn fill_window(&self, site: &Site<'_>, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        S::fill_window(self, site, start, w)
    }
}

/// Writes the start of every weight of a network into `weights`, which has [`Net::weights`]
/// numbers. A longer buffer keeps its rest; of a shorter one, the weights that fit are written.
pub fn fill<S: Scheme>(net: &Net<'_>, scheme: &S, weights: &mut [f32]) {
    fill_linked::<All, S>(net, scheme, weights);
}

/// [`fill`], in a binary that links only the layers `L`.
#[inline(always)]
pub(crate) fn fill_linked<L: Uses, S: Scheme>(net: &Net<'_>, scheme: &S, weights: &mut [f32]) {
    let initial: Initial<'_, &S, L> = Initial::new(net.nodes(), scheme);
    let mut rest = weights;
    for tensor in initial.tensors() {
        let Some((w, later)) = rest.split_at_mut_checked(tensor.part.dims.len()) else { break };
        // the lengths agree, because both come from the dimensions
        let _ = initial.fill(&tensor, 0, w);
        rest = later;
    }
}

#[cfg(test)]
mod tests;
