//! What the device learns: of which kind a movement is, from a window of an accelerometer's samples.

use idinit::{
    engine::{Engine, Error, Memory, Portable},
    graph::Graph,
    init::IdInit,
    layer::{LayerSet, Uses},
    loss::Target,
    model::{self, Activation},
    plan::{Mode, Plan},
    shape::Shape,
    update::Sgd,
};

/// Numbers of a window: 16 samples of three axes.
pub const WINDOW: usize = 16 * 3;
/// How many kinds of movements there are.
pub const KINDS: usize = 3;
const RATE: f32 = 0.02;

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

/// A network that runs and learns in memory that is lent to it.
pub type Learner<'a> = Portable<'a, Network, Sgd>;

/// The numbers of memory that it needs.
pub const WEIGHTS: usize = PLAN.weights;
pub const ARENA: usize = PLAN.arena;

/// The start: every weight is a function of its place, so that none comes from flash.
pub fn start<'a>(
    weights: &'a mut [f32; WEIGHTS],
    arena: &'a mut [f32; ARENA],
) -> Result<Learner<'a>, Error> {
    let memory = Memory { weights, state: &mut [], arena };
    let mut learner = Portable::new(PLAN.net(), Sgd::default(), memory)?;
    learner.start(&IdInit::PAPER);
    Ok(learner)
}

/// Learns that a window is of this kind, and returns how wrong the network was.
pub fn learn(learner: &mut Learner, window: &[f32; WINDOW], kind: u32) -> Result<f32, Error> {
    learner.train(window, Target::Labels(&[kind]), RATE)
}

/// Tells the kind of a window.
pub fn tell(learner: &mut Learner, window: &[f32; WINDOW]) -> Result<u32, Error> {
    let mut y = [0.0; KINDS];
    learner.infer(window, &mut y)?;
    let best = (0..).zip(y).reduce(|best, next| if next.1 > best.1 { next } else { best });
    Ok(best.map_or(0, |(kind, _)| kind))
}
