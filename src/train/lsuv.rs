//! LSUV, layer-sequential unit variance (Mishkin & Matas 2016): orthonormal matrices, then, from the
//! first layer on, W ← W / σ for the deviation σ of what the layer puts out on a batch, until it is
//! nearly 1.

use crate::engine::{Engine, Error, Memory, Portable};
use crate::graph::Node;
use crate::init::{self, Lsuv};
use crate::layer::{All, Kind};
use crate::plan::Net;
use crate::update::Sgd;
use std::{vec, vec::Vec};

/// How far a deviation may be from 1 (the paper's Tol_var).
const TOLERANCE: f64 = 0.1;

/// How often a layer is scaled at most (the paper's T_max).
const ROUNDS: u32 = 10;

/// What became of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    /// The number of the layer.
    pub node: usize,
    /// How often its matrix was scaled.
    pub rounds: u32,
    /// The deviation of what it puts out at the end. It is 0 where nothing comes in, and the matrix
    /// then stays as it was.
    pub deviation: f64,
}

/// Writes the LSUV start of a network into `weights`, which has [`Net::weights`] numbers: a function
/// of the seed and of the batch `x`, `[batch, input]`, alone.
///
/// Dense layers and convolutions are scaled. Batch norms use their running statistics, so that they
/// change nothing.
///
/// # Errors
/// Those of [`Portable`]: buffers or a batch that do not fit.
pub fn start(
    net: &Net<'_>,
    seed: u64,
    x: &[f32],
    weights: &mut [f32],
) -> Result<Vec<Scaled>, Error> {
    init::fill(net, &Lsuv { seed }, weights);
    scale(net, x, weights)
}

/// Scales the dense layers and convolutions of weights that are there, on the batch `x`; all else stays
/// as it is: a table of words, say, that was read from a file.
///
/// # Errors
/// As [`start`].
pub fn scale(net: &Net<'_>, x: &[f32], weights: &mut [f32]) -> Result<Vec<Scaled>, Error> {
    let mut arena = vec![0.0; net.arena()];
    let examples = x.len().checked_div(net.input().len()).unwrap_or(0);
    let mut done = Vec::new();
    for (number, node) in net.nodes().iter().enumerate().filter(|(_, node)| is_scaled(node)) {
        let memory = Memory { weights, state: &mut [], arena: &mut arena };
        let mut engine = Portable::<All, _>::new(up_to(net, number), Sgd::default(), memory)?;
        let mut y = vec![0.0; examples * node.output.len()];
        let mut rounds = 0;
        let deviation = loop {
            engine.infer(x, &mut y)?;
            let deviation = deviation(&y);
            let near = (deviation - 1.0).abs() <= TOLERANCE;
            if near || rounds == ROUNDS || !deviation.is_normal() {
                break deviation;
            }
            divide(&mut engine, number, deviation);
            rounds += 1;
        };
        done.push(Scaled { node: number, rounds, deviation });
    }
    Ok(done)
}

/// Whether the output of the layer grows with its matrix.
fn is_scaled(node: &Node) -> bool {
    matches!(node.layer.kind(), Kind::Dense | Kind::Conv2d) && !node.is_adapter()
}

/// The network up to a layer, whose output is then its output. It is for inference only.
pub(crate) fn up_to<'a>(net: &Net<'a>, number: usize) -> Net<'a> {
    let nodes = net.nodes.get(..=number).unwrap_or(net.nodes);
    let slots = net.slots.get(..=number).unwrap_or(net.slots);
    let output = nodes.last().map_or(net.output, |node| node.output);
    Net { nodes, slots, output, trains: false, state: 0, ..*net }
}

/// Divides the matrix of a layer; a bias, which is behind it, is zero.
fn divide(engine: &mut Portable<'_, All, Sgd>, number: usize, deviation: f64) {
    let net = *engine.net();
    if let (Some(node), Some(slot)) = (net.nodes.get(number), net.slots.get(number)) {
        let part = node.layer.part(node.input, 0);
        let matrix = slot.weights.of_mut(engine.all_weights_mut()).iter_mut();
        for weight in matrix.take(part.map_or(0, |part| part.dims.len())) {
            *weight = (f64::from(*weight) / deviation) as f32;
        }
    }
}

/// √(mean((y − mean(y))²)).
fn deviation(y: &[f32]) -> f64 {
    let mean = |value: &dyn Fn(f64) -> f64| {
        y.iter().map(|&y| value(f64::from(y))).sum::<f64>() / y.len() as f64
    };
    let middle = mean(&|y| y);
    libm::sqrt(mean(&|y| (y - middle) * (y - middle)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Graph, Role};
    use crate::plan::{Mode, Plan};
    use crate::rule::{Key, Random, Start};
    use crate::shape::Shape;
    use crate::update::Momentum;

    const NET: Graph<16> = {
        let g = Graph::input(Shape::hwc(6, 6, 2)).conv2d(8, 3).relu();
        let skip = g.here();
        let g = g.conv2d(8, 3).role(Role::Branch).batch_norm().relu();
        let g = g.conv2d(8, 3).role(Role::BranchEnd).add(skip).relu();
        g.global_average_pool().dense(12).tanh().dense(5).role(Role::Head).cross_entropy(0.0)
    };
    const BATCH: usize = 16;

    /// Inputs with a deviation of 3.
    fn inputs() -> Vec<f32> {
        let d = crate::rule::Dims::dense(BATCH as u32, 72).unwrap();
        let mut x = vec![0.0; d.len()];
        Random::normal(3.0, Key { seed: 4, tensor: 9 }).fill(d, &mut x).unwrap();
        x
    }

    fn started(mode: Mode, seed: u64, x: &[f32]) -> (Vec<f32>, Vec<Scaled>) {
        let plan = Plan::new(&NET, mode, BATCH);
        let mut weights = vec![f32::NAN; plan.weights];
        let done = start(&plan.net(), seed, x, &mut weights).unwrap();
        (weights, done)
    }

    #[test]
    fn every_layer_ends_with_a_deviation_near_one() {
        let (weights, done) = started(Mode::INFER, 1, &inputs());
        assert_eq!(done.iter().map(|scaled| scaled.node).collect::<Vec<_>>(), [0, 2, 5, 9, 11]);
        for Scaled { node, rounds, deviation } in done {
            assert!((deviation - 1.0).abs() <= TOLERANCE && rounds <= ROUNDS, "layer {node}");
        }
        // each matrix is still orthonormal, but for its scale
        let plan = Plan::new(&NET, Mode::INFER, 1);
        let w = &plan.net().slots()[11].weights.of(&weights)[..60];
        let dot = |a: usize, b: usize| -> f32 {
            w[12 * a..][..12].iter().zip(&w[12 * b..][..12]).map(|(a, b)| a * b).sum()
        };
        let size = dot(0, 0);
        assert!((0..5).all(|i| (dot(i, i) / size - 1.0).abs() < 1e-5 && size > 0.0));
        assert!((1..5).all(|i| (dot(0, i) / size).abs() < 1e-5));
        assert!(weights[weights.len() - 5..].iter().all(|&bias| bias == 0.0));
    }

    /// The first layer by hand: orthonormal weights, divided by the deviation of y = x Wᵀ.
    #[test]
    fn the_first_layer_is_that_of_the_definition() {
        const LINEAR: Graph<1> = Graph::input(Shape::vector(3)).dense(2);
        let x = [1.0_f32, 2.0, -4.0, 0.5, -3.0, 8.0, -7.0, 5.0, 2.5, 4.0, 0.0, 1.0];
        let plan = Plan::new(&LINEAR, Mode::INFER, 4);
        let (mut raw, mut weights) = ([0.0; 8], [0.0; 8]);
        init::fill(&plan.net(), &Lsuv { seed: 3 }, &mut raw);
        let done = start(&plan.net(), 3, &x, &mut weights).unwrap();
        let y: Vec<f64> = x
            .chunks(3)
            .flat_map(|x| raw[..6].chunks(3).map(move |w| (x, w)))
            .map(|(x, w)| x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum())
            .collect();
        let mean = y.iter().sum::<f64>() / 8.0;
        let sigma = libm::sqrt(y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / 8.0);
        assert!((sigma - 1.0).abs() > 0.5, "{sigma}");
        assert_eq!(done[0].rounds, 1);
        for (got, raw) in weights.iter().zip(raw) {
            assert!((f64::from(*got) - f64::from(raw) / sigma).abs() < 1e-6);
        }
    }

    #[test]
    fn it_repeats_itself_whatever_the_plan_and_depends_on_seed_and_data() {
        let x = inputs();
        let once = started(Mode::INFER, 1, &x);
        assert_eq!(started(Mode::train::<Momentum>(), 1, &x), once);
        assert_ne!(started(Mode::INFER, 2, &x).0, once.0);
        let louder: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
        assert_ne!(started(Mode::INFER, 1, &louder).0, once.0);
    }

    #[test]
    fn a_layer_that_nothing_reaches_keeps_its_matrix() {
        let (weights, done) = started(Mode::INFER, 1, &[0.0; 72 * BATCH]);
        assert!(done.iter().all(|scaled| (scaled.rounds, scaled.deviation) == (0, 0.0)));
        assert!(weights.iter().all(|w| w.is_finite()));
    }

    #[test]
    fn a_batch_that_does_not_fit_is_refused() {
        let plan = Plan::new(&NET, Mode::INFER, 1);
        let mut weights = vec![0.0; plan.weights];
        let none = start(&plan.net(), 1, &[0.0; 71], &mut weights).unwrap_err();
        assert_eq!(none, Error::Batch { got: 71, example: 72, most: 1 });
        let short = start(&plan.net(), 1, &[0.0; 72], &mut weights[1..]).unwrap_err();
        assert!(matches!(short, Error::Memory { .. }), "{short}");
    }
}
