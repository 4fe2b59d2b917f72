//! What a device does with a network that was trained elsewhere, by the same code and to the same bits.

use crate::data::Window;
use idinit::device::learn::{Budget, Examples, LearnError, Learner, Settings};
use idinit::engine::{Memory, Portable};
use idinit::graph::Graph;
use idinit::init::{IdInit, Initial, tensors};
use idinit::layer::All;
use idinit::plan::{Mode, Net, Plan};
use idinit::recipe::{DeltaError, Encoder, Kind, Recipe, Survey};
use idinit::rule::LengthError;
use idinit::update::Sgd;
use std::error::Error;

/// How a device learns.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub settings: Settings,
    /// Windows that are kept.
    pub kept: usize,
    /// Steps behind each label.
    pub steps: u32,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Adapted {
    /// Whether each of the windows that had no label is told right, before and after.
    pub before: Vec<bool>,
    pub after: Vec<bool>,
    pub weights: Vec<f32>,
    /// How often learning fell back to its start.
    pub setbacks: u32,
}

/// Begins with `start`, takes labels with steps behind each, and tells the windows of `tested` before and after.
pub fn adapt<const N: usize, const CLASSES: usize>(
    plan: &Plan<N>,
    start: &[f32],
    labelled: &[Window],
    tested: &[Window],
    how: How,
) -> Result<Adapted, LearnError> {
    let (mut weights, mut arena) = (vec![0.0; plan.weights], vec![0.0; plan.arena]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let engine = Portable::<All, _>::new(plan.net(), Sgd::default(), memory)?;
    let size = labelled.first().map_or(0, |(_, window)| window.len());
    let (mut inputs, mut labels) = (vec![0.0; how.kept * size], vec![0; how.kept]);
    let examples = Examples { inputs: &mut inputs, labels: &mut labels };
    let mut learner = Learner::<_, _, _, CLASSES>::new(engine, start, examples, how.settings)?;
    let before = told(&mut learner, tested)?;
    for (label, window) in labelled {
        learner.label(window, *label)?;
        match learner.work(Budget::steps(how.steps), |_| ()) {
            Ok(_) | Err(LearnError::Setback(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let after = told(&mut learner, tested)?;
    let (weights, setbacks) = (learner.weights().to_vec(), learner.metrics().setbacks);
    Ok(Adapted { before, after, weights, setbacks })
}

fn told<const CLASSES: usize>(
    learner: &mut Learner<'_, All, Sgd, &[f32], CLASSES>,
    windows: &[Window],
) -> Result<Vec<bool>, LearnError> {
    windows.iter().map(|(label, window)| Ok(learner.infer(window)?.class == *label)).collect()
}

/// The delta of weights from a start.
pub fn delta(start: &[f32], weights: &[f32], kind: Kind) -> Result<Vec<u8>, DeltaError> {
    let mut survey = Survey::new(kind);
    survey.take(start, weights)?;
    let mut bytes = vec![];
    let sink = |some: &[u8]| {
        bytes.extend_from_slice(some);
        Ok::<_, DeltaError>(())
    };
    let mut encoder = Encoder::new(&survey, &survey.header(None::<Recipe>), sink)?;
    encoder.take(start, weights)?;
    encoder.finish()?;
    Ok(bytes)
}

/// What of the network learns.
#[derive(Clone, Copy, Debug)]
pub enum What {
    Everything,
    Last,
    Vectors,
    Adapters,
}

/// What one way to learn comes to.
#[derive(Clone, Debug)]
pub struct Tried {
    pub adapted: Adapted,
    /// Weights that learn.
    pub trained: usize,
    /// Bytes of weights, state and arena by the plan.
    pub plan: usize,
    /// Bytes of what is kept of the differences, to the bit and as bf16.
    pub kept: [usize; 2],
}

/// One way to learn from `start`, the weights of `graph`; `wide` is the same network with adapters.
pub fn attempt<const N: usize, const M: usize, const CLASSES: usize>(
    (graph, wide): (&Graph<N>, &Graph<M>),
    what: What,
    start: &[f32],
    (labelled, tested): (&[Window], &[Window]),
    how: How,
) -> Result<Tried, Box<dyn Error + Send + Sync>> {
    let mode = Mode::train::<Sgd>();
    let narrow = |mode| {
        let plan = Plan::new(graph, mode, 1);
        let adapted = adapt::<N, CLASSES>(&plan, start, labelled, tested, how)?;
        Tried::new(plan.net(), start, adapted)
    };
    match what {
        What::Everything => narrow(mode),
        What::Last => narrow(mode.last(1)),
        What::Vectors => narrow(mode.vectors().masked()),
        What::Adapters => {
            let plan = Plan::new(wide, mode.adapters(), 1);
            let start = with_adapters(wide, start)?;
            let adapted = adapt::<M, CLASSES>(&plan, &start, labelled, tested, how)?;
            Tried::new(plan.net(), &start, adapted)
        }
    }
}

impl Tried {
    fn new(
        net: Net<'_>,
        start: &[f32],
        adapted: Adapted,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let bytes = |kind| Ok::<_, DeltaError>(delta(start, &adapted.weights, kind)?.len());
        let kept = [bytes(Kind::Exact)?, bytes(Kind::Bf16)?];
        let plan = 4 * (net.weights() + net.state() + net.arena());
        Ok(Self { trained: net.trained(), plan, kept, adapted })
    }
}

/// The weights of a network with adapters at their start: `plain`, and the adapters by the rule.
fn with_adapters<const M: usize>(
    wide: &Graph<M>,
    mut plain: &[f32],
) -> Result<Vec<f32>, LengthError> {
    let initial: Initial<'_, _> = Initial::new(wide.nodes(), IdInit::PAPER);
    let mut weights = vec![0.0; initial.len()];
    initial.fill_window(0, &mut weights)?;
    for tensor in tensors(wide.nodes()).filter(|tensor| !tensor.node.is_adapter()) {
        let (these, rest) = plain.split_at(tensor.part.dims.len());
        weights[tensor.start..][..these.len()].copy_from_slice(these);
        plain = rest;
    }
    Ok(weights)
}
