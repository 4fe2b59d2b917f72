//! What learns: the network, its start and its memory.

use super::sensor::{AXES, KINDS, SAMPLES};
use idinit::{
    device::learn::{Examples, LearnError, Learner, Settings},
    engine::{Memory, Portable},
    graph::Graph,
    init::{IdInit, Initial},
    layer::{LayerSet, Uses},
    model::{self, Activation},
    plan::{Mode, Plan},
    shape::Shape,
    update::Sgd,
};

/// Numbers of a window.
pub const WINDOW: usize = SAMPLES * AXES;
/// Examples that are kept to learn from, ten of each kind.
const KEPT: usize = 10 * KINDS;

/// The network, 48-16-16-3, and where its numbers lie: what does not fit does not compile.
const GRAPH: Graph<5> = model::mlp(
    Graph::input(Shape::vector(WINDOW as u32)),
    &[16, 16],
    Activation::Relu,
    KINDS as u32,
);
static PLAN: Plan<5> = Plan::new(&GRAPH, Mode::train::<Sgd>(), 1);

/// Says which layers are linked.
pub enum Network {}

impl Uses for Network {
    const SET: LayerSet = GRAPH.uses();
}

/// What learns, from a start that no flash holds: every weight is a function of its place.
pub type Mine<'a> = Learner<'a, Network, Sgd, Initial<'static, IdInit, Network>, KINDS>;

/// All memory that learning needs.
pub struct Lent {
    weights: [f32; PLAN.weights],
    arena: [f32; PLAN.arena],
    inputs: [f32; KEPT * WINDOW],
    labels: [u32; KEPT],
}

impl Lent {
    /// Zeros, which no flash holds.
    pub const ZEROS: Self = Self {
        weights: [0.0; PLAN.weights],
        arena: [0.0; PLAN.arena],
        inputs: [0.0; KEPT * WINDOW],
        labels: [0; KEPT],
    };
}

/// A learner at its start.
pub fn learner(lent: &mut Lent) -> Result<Mine<'_>, LearnError> {
    let Lent { weights, arena, inputs, labels } = lent;
    let memory = Memory { weights, state: &mut [], arena };
    let engine = Portable::new(PLAN.net(), Sgd::default(), memory)?;
    let start = Initial::new(PLAN.net().nodes(), IdInit::PAPER);
    Learner::new(engine, start, Examples { inputs, labels }, Settings::default())
}
