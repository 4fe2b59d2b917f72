//! The GPU's engine computes what the portable one means, and the same bits in every run.

use super::cases::{Case, Trains, cases, large};
use super::runner::{Buffers, Numbers, bits, gradient, infer, inference, plan, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::engine::{Cuda, CudaError, Engine, Error};
use idinit::gpu::{Found, probe};
use idinit::update::{Chosen, Clip, Grouped, Momentum, Sgd};

/// The device to test on; where there is none, the tests have nothing to do, and must be allowed to.
pub fn device() -> Option<Found> {
    let found = probe().and_then(|mut all| all.swap_remove(0));
    match found {
        Ok(found) => {
            eprintln!("GPU tests run on: {}", found.name);
            Some(found)
        }
        Err(absent) => {
            assert!(
                std::env::var_os("IDINIT_REQUIRE_GPU").is_none(),
                "no GPU to test on: {absent}"
            );
            eprintln!("!! skipped: no GPU to test on: {absent}");
            None
        }
    }
}

pub fn all() -> impl Iterator<Item = Case> {
    cases().into_iter().chain(large())
}

#[test]
fn outputs_are_those_of_the_portable_engine() {
    let Some(device) = device() else { return };
    let mut wrong = vec![];
    for case in all() {
        let (numbers, plan) = (Numbers::of(&case), inference(&case));
        let want = infer(&plan, Sgd::default(), &numbers.w, &numbers.x);
        let mut engine = Cuda::new(plan.net(), Sgd::default(), device.ordinal).unwrap();
        engine.restore(&numbers.w, &[], 0).unwrap();
        let mut got = vec![f32::NAN; want.len()];
        engine.infer(&numbers.x, &mut got).unwrap();
        let allowed = tolerance(Against::CudaForward, case.graph.nodes());
        let difference = difference(&wide(&got), &wide(&want), allowed, 1.0);
        wrong.extend(difference.map(|why| (case.name, why)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The loss, the gradient of every trained weight and all weights after a step at rate 0.
pub fn cuda_gradient(case: &Case, numbers: &Numbers, ordinal: usize) -> (f32, Vec<f32>, Vec<f32>) {
    let plan = plan::<Momentum>(case);
    let mut engine = Cuda::new(plan.net(), Momentum::default(), ordinal).unwrap();
    let (mut weights, mut state) = (numbers.w.clone(), vec![0.0; plan.net().kept()]);
    engine.restore(&weights, &state, 0).unwrap();
    let loss = engine.train(&numbers.x, numbers.wanted.target(), 0.0);
    let loss = loss.unwrap_or_else(|error| panic!("{}: {error}", case.name));
    engine.weights(&mut weights).unwrap();
    engine.state(&mut state).unwrap();
    (loss, state, weights)
}

#[test]
fn gradients_and_statistics_are_those_of_the_portable_engine() {
    let Some(device) = device() else { return };
    let mut wrong = vec![];
    for case in all() {
        let numbers = Numbers::of(&case);
        let (want_loss, want) = gradient(&case, &numbers);
        let (loss, got, weights) = cuda_gradient(&case, &numbers, device.ordinal);
        let allowed = tolerance(Against::CudaGradient, case.graph.nodes());
        let loss = difference(&[f64::from(loss)], &[f64::from(want_loss)], allowed, 1.0);
        let gradients = difference(&wide(&got), &wide(&want), allowed, 1e-3);
        let plan = plan::<Momentum>(&case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let mut engine = buffers.engine(&plan, Momentum::default());
        engine.train(&numbers.x, numbers.wanted.target(), 0.0).unwrap();
        let statistics = difference(&wide(&weights), &wide(&buffers.weights), allowed, 1.0);
        let differences = loss.into_iter().chain(gradients).chain(statistics);
        wrong.extend(differences.map(|why| (case.name, why)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Weights and state after four steps.
fn steps(
    engine: &mut impl Engine<Error: std::fmt::Debug>,
    numbers: &Numbers,
    kept: usize,
) -> [Vec<f32>; 2] {
    for rate in [0.02, 0.01, 0.01, 0.005] {
        engine.train(&numbers.x, numbers.wanted.target(), rate).unwrap();
    }
    let (mut weights, mut state) = (numbers.w.clone(), vec![0.0; kept]);
    engine.weights(&mut weights).unwrap();
    engine.state(&mut state).unwrap();
    [weights, state]
}

#[test]
fn every_update_takes_the_portable_engines_steps() {
    type All = Clip<Grouped<Chosen>>;
    let Some(device) = device() else { return };
    let whole = |case: &Case| matches!(case.trains, Trains::All) && case.graph.nodes().len() > 6;
    let case = all().find(whole).unwrap();
    let numbers = Numbers::of(&case);
    for (name, most) in Chosen::NAMES.iter().flat_map(|name| [(name, f32::INFINITY), (name, 0.1)]) {
        let chosen = Chosen::named(name).unwrap().with_decay(0.01);
        let update: All = Clip {
            update: Grouped { update: chosen, scalar_rate: 0.1, decay_vectors: false },
            most,
        };
        let mode = idinit::plan::Mode::train_with(&update);
        let plan =
            idinit::plan::Plan::<{ super::cases::ROOM }>::new(&case.graph, mode, case.planned);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let kept = plan.net().kept();
        let want = steps(&mut buffers.engine(&plan, update), &numbers, kept);
        let run = || {
            let mut engine = Cuda::new(plan.net(), update, device.ordinal).unwrap();
            engine.restore(&numbers.w, &vec![0.0; kept], 0).unwrap();
            steps(&mut engine, &numbers, kept)
        };
        let (got, again) = (run(), run());
        let allowed = 4.0 * tolerance(Against::CudaGradient, case.graph.nodes());
        for (got, want) in got.iter().zip(&want) {
            let difference = difference(&wide(got), &wide(want), allowed, 1.0);
            assert_eq!(difference, None, "{name} clipped at {most}");
        }
        assert_eq!(got.map(|all| bits(&all)), again.map(|all| bits(&all)), "{name} twice");
    }
}

/// A network of all sorts, its numbers and its plan for momentum in parts.
fn residual() -> (Case, Numbers) {
    let whole = |case: &Case| matches!(case.trains, Trains::All) && case.graph.nodes().len() > 6;
    let case = all().find(whole).unwrap();
    let numbers = Numbers::of(&case);
    (case, numbers)
}

/// Two steps from where another engine stood, and where this one then stands.
fn two_steps(
    engine: &mut impl Engine<Error: std::fmt::Debug>,
    [w, s]: [&mut Vec<f32>; 2],
    steps: u64,
    numbers: &Numbers,
) {
    engine.restore(w, s, steps).unwrap();
    for _ in 0..2 {
        engine.train(&numbers.x, numbers.wanted.target(), 0.02).unwrap();
    }
    assert_eq!(engine.steps(), steps + 2);
    engine.weights(w).unwrap();
    engine.state(s).unwrap();
}

#[test]
fn a_run_goes_from_the_host_to_the_gpu_and_back() {
    let Some(device) = device() else { return };
    let (case, numbers) = residual();
    let update = Momentum { momentum: 0.9, decay: 0.01, nesterov: true };
    let plan = plan::<Momentum>(&case);
    let target = numbers.wanted.target();
    let kept = plan.net().kept();
    let mut whole = Buffers::new(&plan, &numbers.w, f32::NAN);
    let mut portable = whole.engine(&plan, update);
    for _ in 0..6 {
        portable.train(&numbers.x, target, 0.02).unwrap();
    }
    let mut first = Buffers::new(&plan, &numbers.w, f32::NAN);
    let mut portable = first.engine(&plan, update);
    let mut cuda = Cuda::new(plan.net(), update, device.ordinal).unwrap();
    let (mut w, mut s) = (numbers.w.clone(), vec![0.0; kept]);
    // two steps here, two there, two here again
    two_steps(&mut portable, [&mut w, &mut s], 0, &numbers);
    two_steps(&mut cuda, [&mut w, &mut s], 2, &numbers);
    two_steps(&mut portable, [&mut w, &mut s], 4, &numbers);
    let allowed = tolerance(Against::CudaGradient, case.graph.nodes());
    assert_eq!(difference(&wide(&w), &wide(&whole.weights), allowed, 1.0), None);
}

#[test]
fn steps_in_parts_are_those_of_the_portable_engine() {
    let Some(device) = device() else { return };
    let (case, numbers) = residual();
    let plan = idinit::plan::Plan::<{ super::cases::ROOM }>::new(
        &case.graph,
        case.trains.mode::<Momentum>().in_parts(),
        case.planned,
    );
    let update = Momentum { momentum: 0.5, ..Momentum::default() };
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    let mut portable = buffers.engine(&plan, update);
    let mut cuda = Cuda::new(plan.net(), update, device.ordinal).unwrap();
    cuda.restore(&numbers.w, &vec![0.0; plan.net().kept()], 0).unwrap();
    assert!(cuda.step(0.1).is_err(), "a step of no parts");
    for _ in 0..2 {
        for _ in 0..2 {
            let want = portable.accumulate(&numbers.x, numbers.wanted.target()).unwrap();
            let got = cuda.accumulate(&numbers.x, numbers.wanted.target()).unwrap();
            assert!((got - want).abs() < 1e-4, "{got} {want}");
        }
        portable.step(0.05).unwrap();
        cuda.step(0.05).unwrap();
    }
    let mut got = numbers.w.clone();
    cuda.weights(&mut got).unwrap();
    let allowed = tolerance(Against::CudaGradient, case.graph.nodes());
    assert_eq!(difference(&wide(&got), &wide(&buffers.weights), allowed, 1.0), None);
}

#[test]
fn what_is_not_finite_is_refused_and_moves_no_weight() {
    let Some(device) = device() else { return };
    let (case, numbers) = residual();
    let plan = plan::<Momentum>(&case);
    let mut cuda = Cuda::new(plan.net(), Momentum::default(), device.ordinal).unwrap();
    let target = numbers.wanted.target();
    for strange in [f32::NAN, f32::INFINITY] {
        cuda.restore(&numbers.w, &vec![0.0; plan.net().kept()], 0).unwrap();
        let mut x = numbers.x.clone();
        x[1] = strange;
        let refused = cuda.train(&x, target, 0.1);
        let why = |error| matches!(error, CudaError::Step(Error::Loss(_) | Error::Diverged { .. }));
        let mut after = numbers.w.clone();
        cuda.weights(&mut after).unwrap();
        assert!(refused.is_err_and(why), "{strange}");
        assert_eq!((bits(&after), cuda.steps()), (bits(&numbers.w), 0), "{strange}");
        // the next step is one as any other
        cuda.train(&numbers.x, target, 0.1).unwrap();
    }
    let short = cuda.train(&numbers.x[1..], target, 0.1);
    assert!(matches!(short, Err(CudaError::Step(Error::Batch { .. }))));
}
