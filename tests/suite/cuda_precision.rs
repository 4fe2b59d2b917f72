//! Networks whose activations are bf16, or whose products round their factors to TF32, against the portable
//! engine in f32; and what of their weights stays f32.

use super::cases::Case;
use super::cuda::{all, device};
use super::cuda_models::{ROOM, Small, networks, portable_steps, ten_steps};
use super::runner::{Numbers, bits, gradient, infer, inference, plan};
use super::tolerance::{Against, tolerance};
use idinit::engine::{Cuda, CudaError, Engine};
use idinit::gpu::Precision;
use idinit::graph::Graph;
use idinit::init::IdInit;
use idinit::layer::Kind;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{Momentum, Sgd};

/// A precision with its tolerances of outputs and losses, and of gradients.
const ROUNDED: [(Precision, [Against; 2]); 2] = [
    (Precision::Tf32, [Against::CudaTf32, Against::CudaTf32Gradient]),
    (Precision::Bf16, [Against::CudaBf16, Against::CudaBf16Gradient]),
];

/// ‖got − want‖ / ‖want‖ in the Euclidean norm: a rounding may turn a rectifier or another maximum of a
/// window, which changes single gradients altogether, but few.
fn distance(got: &[f32], want: &[f32]) -> f64 {
    let norm = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>().sqrt();
    let apart = norm(&mut got.iter().zip(want).map(|(g, w)| f64::from(*g) - f64::from(*w)));
    apart / norm(&mut want.iter().map(|w| f64::from(*w))).max(1e-3)
}

#[test]
fn rounded_outputs_and_gradients_are_near_the_portable_engines() {
    let Some(device) = device() else { return };
    let mut wrong = vec![];
    for case in all() {
        let numbers = Numbers::of(&case);
        let outputs = inference(&case);
        let want_y = infer(&outputs, Sgd::default(), &numbers.w, &numbers.x);
        let (want_loss, want) = gradient(&case, &numbers);
        for (precision, against) in ROUNDED {
            let update = Sgd::default();
            let engine = Cuda::with_precision(outputs.net(), update, device.ordinal, precision);
            let mut engine = engine.unwrap();
            engine.restore(&numbers.w, &[], 0).unwrap();
            let mut y = vec![f32::NAN; want_y.len()];
            engine.infer(&numbers.x, &mut y).unwrap();
            let (loss, got) = rounded_gradient(&case, &numbers, (device.ordinal, precision));
            let [forward, backward] = against.map(|one| tolerance(one, case.graph.nodes()));
            let distances = [
                (distance(&y, &want_y), forward),
                (distance(&[loss], &[want_loss]), forward),
                (distance(&got, &want), backward),
            ];
            // NaN is near nothing
            if !distances.iter().all(|(distance, allowed)| distance <= allowed) {
                wrong.push((case.name, precision, distances));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn rounded_gradient(
    case: &Case,
    numbers: &Numbers,
    (ordinal, precision): (usize, Precision),
) -> (f32, Vec<f32>) {
    let plan = plan::<Momentum>(case);
    let engine = Cuda::with_precision(plan.net(), Momentum::default(), ordinal, precision);
    let (mut engine, mut state) = (engine.unwrap(), vec![0.0; plan.net().kept()]);
    engine.restore(&numbers.w, &state, 0).unwrap();
    let loss = engine.train(&numbers.x, numbers.wanted.target(), 0.0).unwrap();
    engine.state(&mut state).unwrap();
    (loss, state)
}

/// Ten steps from IDInit: the losses, the weights, and the weights before.
fn run(small: &Small, ordinal: usize, precision: Precision) -> [Vec<f32>; 3] {
    let graph = small.graph.finish().unwrap();
    let plan = Plan::<ROOM>::new(&graph, Mode::train_with(&small.update).aligned(64), 4);
    let mut engine = Cuda::with_precision(plan.net(), small.update, ordinal, precision).unwrap();
    engine.start(&IdInit::PAPER).unwrap();
    let mut start = vec![0.0; plan.net().weights()];
    engine.weights(&mut start).unwrap();
    let [losses, weights] = ten_steps(&mut engine, small, start.len());
    [losses, weights, start]
}

#[test]
fn ten_steps_in_bf16_are_near_those_of_the_portable_engine_and_repeat() {
    let Some(device) = device() else { return };
    for small in networks() {
        let graph = small.graph.finish().unwrap();
        let want = portable_steps(&small);
        let got = run(&small, device.ordinal, Precision::Bf16);
        let near = |against, distance: f64| {
            let allowed = tolerance(against, graph.nodes());
            assert!(distance <= allowed, "{}: {distance:e}, not {allowed:e}", small.name);
        };
        near(Against::CudaBf16Steps, distance(&got[0], &want[0]));
        let norms = graph.nodes().iter().any(|node| node.layer.kind() == Kind::BatchNorm);
        // after some steps by norms over four examples, roundings are as large as what is learnt
        if !norms {
            let moved = |weights: &[f32]| -> Vec<f32> {
                weights.iter().zip(&got[2]).map(|(w, start)| w - start).collect()
            };
            near(Against::CudaBf16Moves, distance(&moved(&got[1]), &moved(&want[1])));
        }
        let again = run(&small, device.ordinal, Precision::Bf16);
        assert_eq!(got.map(|all| bits(&all)), again.map(|all| bits(&all)), "{} twice", small.name);
    }
}

/// Beside a 1, bf16 has nothing nearer than 2⁻⁸: a start and steps smaller than that are kept in f32.
#[test]
fn a_millionth_and_small_steps_survive_in_bf16() {
    let Some(device) = device() else { return };
    let resnet = networks().into_iter().next().unwrap();
    let [_, weights, start] = run(&resnet, device.ordinal, Precision::Bf16);
    let [.., exact] = run(&resnet, device.ordinal, Precision::F32);
    assert_eq!(bits(&start), bits(&exact), "the start is that of f32");
    assert!(start.iter().any(|w| w.abs() == 1e-6), "the start has differences of a millionth");
    let small =
        |(w, start): &(&f32, &f32)| **start == 1.0 && w != start && (*w - 1.0).abs() < 1.0 / 512.0;
    let moved = weights.iter().zip(&start).filter(small).count();
    assert!(moved > 10, "ones moved by less than bf16 knows: {moved}");
    let tiny = |(w, start): &(&f32, &f32)| start.abs() == 1e-6 && w != start;
    assert!(weights.iter().zip(&start).filter(tiny).count() > 10, "millionths moved");
}

#[test]
fn bf16_refuses_tokens_that_a_layer_made() {
    let Some(device) = device() else { return };
    let graph = Graph::<8>::input(Shape::hwc(1, 4, 1)).relu().embedding(9, 3).flatten().dense(2);
    let graph = graph.cross_entropy(0.0);
    let plan = Plan::new(&graph, Mode::train::<Sgd>(), 1);
    let with =
        |precision| Cuda::with_precision(plan.net(), Sgd::default(), device.ordinal, precision);
    assert!(matches!(with(Precision::Bf16), Err(CudaError::Tokens { node: 1 })));
    let mut exact = with(Precision::F32).unwrap();
    exact.train(&[0.0, 8.0, 3.0, 1.0], Target::Labels(&[1]), 0.1).unwrap();
}
