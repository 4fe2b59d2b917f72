//! What a PC does before there is a device: trains a network on other people's data.

use crate::data::Window;
use idinit::engine::{Engine, Error, Host};
use idinit::graph::Graph;
use idinit::init::{IdInit, Initial, Kaiming};
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::update::Momentum;

const BATCH: usize = 32;
const RATE: f32 = 0.03;
const UPDATE: Momentum = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };

/// What is trained from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Begin {
    IdInit,
    Kaiming,
    Zeros,
}

impl Begin {
    pub const ALL: [Self; 3] = [Self::IdInit, Self::Kaiming, Self::Zeros];

    /// The weights; those of Kaiming are drawn by counter from `seed`.
    pub fn weights<const N: usize>(self, graph: &Graph<N>, seed: u64) -> Result<Vec<f32>, Error> {
        let nodes = graph.nodes();
        let idinit: Initial<'_, _> = Initial::new(nodes, IdInit::PAPER);
        let kaiming: Initial<'_, _> = Initial::new(nodes, Kaiming { seed, ..Kaiming::default() });
        let mut weights = vec![0.0; idinit.len()];
        match self {
            Self::IdInit => idinit.fill_window(0, &mut weights)?,
            Self::Kaiming => kaiming.fill_window(0, &mut weights)?,
            Self::Zeros => {}
        }
        Ok(weights)
    }
}

/// Trains a network from `start`: batches of 32 drawn with replacement, as many as go through `windows` so
/// many times; the rate falls linearly to 0.
pub fn train<const N: usize>(
    graph: &Graph<N>,
    start: &[f32],
    windows: &[&Window],
    (epochs, seed): (usize, u64),
) -> Result<Vec<f32>, Error> {
    let plan = Plan::new(graph, Mode::train::<Momentum>(), BATCH);
    let mut engine = Host::new(plan.net(), UPDATE, 1)?;
    engine.all_weights_mut().copy_from_slice(start);
    let steps = epochs * windows.len() / BATCH;
    let (mut lot, mut x, mut labels) = (seed, vec![], vec![]);
    for step in 0..steps {
        x.clear();
        labels.clear();
        for _ in 0..BATCH {
            // a linear congruential generator with Knuth's factor, of which the upper bits are used
            lot =
                lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (label, window) = windows[(lot >> 33) as usize % windows.len()];
            x.extend_from_slice(window);
            labels.push(*label);
        }
        let left = 1.0 - step as f32 / steps as f32;
        engine.train(&x, Target::Labels(&labels), RATE * left)?;
    }
    Ok(engine.all_weights().to_vec())
}
