//! The host engine computes what the portable one means, and the same bits on any number of threads.

use super::cases::{Case, cases, large};
use super::runner::{Buffers, Numbers, bits, gradient, infer, inference, plan, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::engine::{Engine, Host};
use idinit::plan::{Mode, Plan};
use idinit::update::{Clip, Momentum, Sgd, Update};

/// The loss and the gradient of every trained weight, as [`gradient`] has them.
fn host_gradient(case: &Case, numbers: &Numbers, threads: usize) -> (f32, Vec<f32>, Vec<f32>) {
    let plan = plan::<Momentum>(case);
    let mut engine = Host::new(plan.net(), Momentum::default(), threads).unwrap();
    engine.all_weights_mut().copy_from_slice(&numbers.w);
    let loss = engine.train(&numbers.x, numbers.wanted.target(), 0.0).unwrap();
    (loss, engine.update_state().to_vec(), engine.all_weights().to_vec())
}

fn host_outputs(case: &Case, numbers: &Numbers, threads: usize) -> Vec<f32> {
    let plan = inference(case);
    let mut engine = Host::new(plan.net(), Sgd::default(), threads).unwrap();
    engine.all_weights_mut().copy_from_slice(&numbers.w);
    let mut y = vec![f32::NAN; case.batch * case.graph.output().len()];
    engine.infer(&numbers.x, &mut y).unwrap();
    y
}

fn all() -> impl Iterator<Item = Case> {
    cases().into_iter().chain(large())
}

#[test]
fn outputs_are_those_of_the_portable_engine() {
    let mut wrong = vec![];
    for case in all() {
        let numbers = Numbers::of(&case);
        let want = infer(&inference(&case), Sgd::default(), &numbers.w, &numbers.x);
        let allowed = tolerance(Against::HostForward, case.graph.nodes());
        let got = host_outputs(&case, &numbers, 2);
        wrong.extend(
            difference(&wide(&got), &wide(&want), allowed, 1.0).map(|why| (case.name, why)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn gradients_and_statistics_are_those_of_the_portable_engine() {
    let mut wrong = vec![];
    for case in all() {
        let numbers = Numbers::of(&case);
        let (want_loss, want) = gradient(&case, &numbers);
        let (loss, got, weights) = host_gradient(&case, &numbers, 2);
        let allowed = tolerance(Against::HostGradient, case.graph.nodes());
        let loss = difference(&[f64::from(loss)], &[f64::from(want_loss)], allowed, 1.0);
        let gradients = difference(&wide(&got), &wide(&want), allowed, 1e-3);
        let plan = plan::<Momentum>(&case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let mut engine = buffers.engine(&plan, Momentum::default());
        engine.train(&numbers.x, numbers.wanted.target(), 0.0).unwrap();
        let statistics = difference(&wide(&weights), &wide(&buffers.weights), allowed, 1.0);
        wrong.extend(
            loss.into_iter().chain(gradients).chain(statistics).map(|why| (case.name, why)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Weights and state after three steps.
fn three_steps<U: Update>(case: &Case, update: U, threads: usize) -> (Vec<u32>, Vec<u32>) {
    let (plan, numbers) = (plan::<U>(case), Numbers::of(case));
    let mut engine = Host::new(plan.net(), update, threads).unwrap();
    engine.all_weights_mut().copy_from_slice(&numbers.w);
    for _ in 0..3 {
        engine.train(&numbers.x, numbers.wanted.target(), 0.01).unwrap();
    }
    (bits(engine.all_weights()), bits(engine.update_state()))
}

#[test]
fn no_number_of_threads_changes_a_bit() {
    let momentum = Momentum { momentum: 0.9, decay: 1e-3, nesterov: true };
    for case in all() {
        let one = three_steps(&case, momentum, 1);
        let clipped = three_steps(&case, Clip { update: momentum, most: 0.5 }, 1);
        for threads in [2, 3, 7] {
            assert_eq!(three_steps(&case, momentum, threads), one, "{}", case.name);
            let again = three_steps(&case, Clip { update: momentum, most: 0.5 }, threads);
            assert_eq!(again, clipped, "{}", case.name);
        }
    }
}

/// The weights of three steps by a plan.
fn by_plan(case: &Case, mode: Mode, numbers: &Numbers, threads: usize) -> Vec<u32> {
    let plan = Plan::new(&case.graph, mode, case.planned);
    let mut engine = Host::new(plan.net(), Momentum::default(), threads).unwrap();
    engine.all_weights_mut().copy_from_slice(&numbers.w);
    for _ in 0..3 {
        engine.train(&numbers.x, numbers.wanted.target(), 0.1).unwrap();
    }
    bits(engine.all_weights())
}

#[test]
fn a_rectifier_computes_the_same_by_its_bits_on_every_number_of_threads() {
    let mut masks = 0;
    for case in all() {
        let numbers = Numbers::of(&case);
        for mode in [Mode::train::<Momentum>(), Mode::train::<Momentum>().vectors()] {
            let Ok(plain) = Plan::checked(&case.graph, mode, case.planned) else { continue };
            let masked = Plan::new(&case.graph, mode.masked(), case.planned);
            if plain.net().uses() == masked.net().uses() {
                continue;
            }
            let want = by_plan(&case, mode, &numbers, 2);
            for threads in [1, 3] {
                let got = by_plan(&case, mode.masked(), &numbers, threads);
                assert_eq!(got, want, "{} {mode:?} on {threads}", case.name);
            }
            masks += 1;
        }
    }
    assert!(masks > 10, "{masks} plans");
}
