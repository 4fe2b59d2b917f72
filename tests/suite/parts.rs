//! A step in parts is the step of one large batch; and a run goes on from its checkpoint as if it had
//! never stopped.

use super::cases::{Case, ROOM, Trains, cases};
use super::runner::{Buffers, Chance, Numbers, Wanted, bits, wide};
use super::tolerance::{Against, close, tolerance};
use idinit::engine::{Buffer, Engine, Error};
use idinit::layer::Kind;
use idinit::loss::Target;
#[cfg(feature = "std")]
use idinit::plan::Mode;
use idinit::plan::Plan;
use idinit::update::{AdaDelta, Adam, AdamW, Clip, Grouped, Momentum, Sgd, Update};

const ADAM: Adam = Adam { betas: [0.9, 0.999], eps: 1e-8, decay: 1e-3 };

/// The weights after two steps on a batch that comes in parts of these sizes.
fn in_parts<U: Update>(case: &Case, numbers: &Numbers, update: U, sizes: &[usize]) -> Vec<f32> {
    let plan = Plan::new(&case.graph, case.trains.mode::<U>().in_parts(), case.planned);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    two_steps(case, numbers, &mut buffers.engine(&plan, update), sizes);
    buffers.weights
}

fn two_steps<E: Engine<Error = Error>>(
    case: &Case,
    numbers: &Numbers,
    engine: &mut E,
    sizes: &[usize],
) {
    let (inputs, outputs) = (case.graph.input_shape().len(), case.graph.output().len());
    for step in 1..=2 {
        let mut at = 0;
        for &size in sizes {
            let x = &numbers.x[at * inputs..][..size * inputs];
            let target = match &numbers.wanted {
                Wanted::Labels(labels) => {
                    let rows = labels.len() / case.batch;
                    Target::Labels(&labels[at * rows..][..size * rows])
                }
                Wanted::Values(values) => Target::Values(&values[at * outputs..][..size * outputs]),
            };
            engine.accumulate(x, target).unwrap();
            at += size;
        }
        assert_eq!(at, case.batch);
        engine.step(0.05).unwrap();
        assert_eq!(engine.steps(), step);
    }
}

#[test]
fn a_step_in_parts_is_the_step_of_the_whole_batch() {
    fn check<U: Update>(case: &Case, numbers: &Numbers, update: U) {
        let whole = in_parts(case, numbers, update, &[case.batch]);
        let single = vec![1; case.batch];
        let two = [1, case.batch - 1];
        for sizes in [&single[..], &two] {
            let parts = in_parts(case, numbers, update, sizes);
            let allowed = tolerance(Against::Parts, case.graph.nodes());
            close(case.name, &wide(&parts), &wide(&whole), allowed, 1.0);
        }
        // and the whole batch at once is the step of `train`
        let plan = super::runner::plan::<U>(case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let mut engine = buffers.engine(&plan, update);
        for _ in 0..2 {
            engine.train(&numbers.x, numbers.wanted.target(), 0.05).unwrap();
        }
        let allowed = tolerance(Against::Parts, &[]);
        close(case.name, &wide(engine.all_weights()), &wide(&whole), allowed, 1.0);
    }
    // batch norm looks at the batch, and dropout draws other lots for each part
    let fits = |case: &Case| {
        case.batch > 1 && !case.has_batch_norm() && !case.graph.uses().has(Kind::Dropout)
    };
    let mut checked = 0;
    for case in cases().into_iter().filter(fits) {
        let numbers = Numbers::of(&case);
        let heavy = Momentum { momentum: 0.9, decay: 1e-2, nesterov: true };
        check(&case, &numbers, Sgd::default());
        check(&case, &numbers, heavy);
        check(&case, &numbers, Clip { update: heavy, most: 0.25 });
        check(&case, &numbers, Adam { eps: 0.1, ..ADAM });
        checked += 1;
    }
    assert!(checked > 40, "only {checked} cases");
}

/// The weights and the state after two steps of a batch whose examples come one by one, or in these parts.
fn one_by_one<U: Update>(case: &Case, numbers: &Numbers, update: U, sizes: &[usize]) -> Vec<u32> {
    let most = sizes.iter().copied().max().unwrap_or(1);
    let mode = case.trains.mode::<U>().in_parts_of(case.batch as u32);
    let plan = Plan::new(&case.graph, mode, most);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    two_steps(case, numbers, &mut buffers.engine(&plan, update), sizes);
    buffers.state.truncate(plan.net().kept());
    bits(&[buffers.weights, buffers.state].concat())
}

/// A device with memory for one example takes the steps of a PC with memory for all of them.
#[test]
fn examples_that_come_one_by_one_have_the_bits_of_one_batch() {
    fn check<U: Update>(case: &Case, numbers: &Numbers, update: U) {
        let plan = super::runner::plan::<U>(case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let mut engine = buffers.engine(&plan, update);
        for _ in 0..2 {
            engine.train(&numbers.x, numbers.wanted.target(), 0.05).unwrap();
        }
        buffers.state.truncate(plan.net().kept());
        let want = bits(&[buffers.weights, buffers.state].concat());
        let ones = vec![1; case.batch];
        for sizes in [&ones[..], &[1, case.batch - 1], &[case.batch - 1, 1], &[case.batch]] {
            let got = one_by_one(case, numbers, update, sizes);
            assert!(got == want, "{}: {sizes:?}", case.name);
        }
    }
    let fits = |case: &Case| {
        case.batch > 1 && !case.has_batch_norm() && !case.graph.uses().has(Kind::Dropout)
    };
    let mut checked = 0;
    for case in cases().into_iter().filter(fits) {
        let numbers = Numbers::of(&case);
        let heavy = Momentum { momentum: 0.9, decay: 1e-2, nesterov: true };
        check(&case, &numbers, Sgd::default());
        check(&case, &numbers, heavy);
        check(&case, &numbers, Clip { update: heavy, most: 0.25 });
        check(&case, &numbers, ADAM);
        checked += 1;
    }
    assert!(checked > 40, "only {checked} cases");
}

/// The first case that has everything: two layers to train, and a batch of several.
fn a_case() -> Case {
    cases().into_iter().find(|case| case.name == "two convolutions, part of a batch").unwrap()
}

#[test]
fn parts_that_cannot_be_are_refused() {
    let case = a_case();
    let numbers = Numbers::of(&case);
    let target = || numbers.wanted.target();
    let plan = super::runner::plan::<Sgd>(&case);
    let mut buffers = Buffers::new(&plan, &numbers.w, 0.0);
    let mut engine = buffers.engine(&plan, Sgd::default());
    assert_eq!(engine.accumulate(&numbers.x, target()), Err(Error::NoGradient));

    let plan = Plan::new(&case.graph, Trains::All.mode::<Sgd>().in_parts(), case.planned);
    let mut buffers = Buffers::new(&plan, &numbers.w, 0.0);
    let mut engine = buffers.engine(&plan, Sgd::default());
    assert_eq!(engine.step(0.1), Err(Error::NoParts));
    engine.accumulate(&numbers.x, target()).unwrap();
    assert!(matches!(engine.step(f32::NAN), Err(Error::Rate(_))));
    assert!(matches!(engine.accumulate(&[0.0], target()), Err(Error::Batch { .. })));
    // the bad part has taken the good one with it
    assert_eq!(engine.step(0.1), Err(Error::NoParts));
    assert_eq!((engine.steps(), bits(engine.all_weights())), (0, bits(&numbers.w)));
    // a gradient that was gathered for nothing is not in the next step
    engine.accumulate(&numbers.x, target()).unwrap();
    engine.train(&numbers.x, target(), 0.1).unwrap();
    assert_eq!((engine.step(0.1), engine.steps()), (Err(Error::NoParts), 1));

    // a step of as many examples as were planned, and of no others
    let (mode, got) = (Trains::All.mode::<Sgd>(), case.batch);
    let plan = Plan::new(&case.graph, mode.in_parts_of(1 + got as u32), case.planned);
    let mut buffers = Buffers::new(&plan, &numbers.w, 0.0);
    let mut engine = buffers.engine(&plan, Sgd::default());
    engine.accumulate(&numbers.x, target()).unwrap();
    assert_eq!(engine.step(0.1), Err(Error::Parts { need: 1 + got, got }));
}

/// Steps `from..to` over changing batches.
fn go_on<E: Engine<Error = Error>>(
    case: &Case,
    plan: &Plan<ROOM>,
    engine: &mut E,
    steps: std::ops::Range<u64>,
) {
    let mut numbers = Numbers::of(case);
    for step in steps {
        let mut chance = Chance(1000 + step);
        numbers.next_batch(case, 1 + step as usize % plan.net().batch(), &mut chance);
        engine.train(&numbers.x, numbers.wanted.target(), 0.01).unwrap();
    }
}

#[test]
fn a_run_goes_on_from_its_checkpoint_bit_for_bit() {
    fn check<U: Update>(case: &Case, update: U) {
        let numbers = Numbers::of(case);
        let plan = super::runner::plan::<U>(case);
        let mut buffers = Buffers::new(&plan, &numbers.w, 0.0);
        let mut unbroken = buffers.engine(&plan, update);
        go_on(case, &plan, &mut unbroken, 0..20);

        let mut buffers = Buffers::new(&plan, &numbers.w, 0.0);
        let mut first = buffers.engine(&plan, update);
        go_on(case, &plan, &mut first, 0..10);
        let (mut w, mut s) = (vec![0.0; plan.weights], vec![0.0; plan.net().kept()]);
        first.weights(&mut w).unwrap();
        first.state(&mut s).unwrap();
        assert_eq!(first.steps(), 10);

        // nothing but these numbers is known to the second engine
        let mut buffers = Buffers::new(&plan, &vec![7.0; plan.weights], f32::NAN);
        buffers.state.fill(f32::NAN);
        let mut second = buffers.engine(&plan, update);
        let (need, got) = (s.len(), s.len() + 1);
        let error = Error::Memory { buffer: Buffer::State, need, got };
        assert_eq!(second.restore(&w, &vec![0.0; got], 10), Err(error));
        let wrong = second.restore(&w[1..], &s, 10);
        assert!(matches!(wrong, Err(Error::Memory { buffer: Buffer::Weights, .. })));
        assert!(second.all_weights().iter().all(|w| *w == 7.0));
        second.restore(&w, &s, second.steps() + 10).unwrap();
        go_on(case, &plan, &mut second, 10..20);
        assert_eq!(bits(second.all_weights()), bits(unbroken.all_weights()), "{}", case.name);
    }
    // (a batch norm needs more than one number of each channel, and the batches shrink to one)
    let fits = |case: &Case| !case.has_batch_norm() || case.name.contains("block");
    for case in cases().into_iter().filter(fits) {
        check(&case, Sgd::default());
        check(&case, ADAM);
        check(
            &case,
            Clip { update: Grouped { scalar_rate: 0.1, ..Grouped::alike(ADAM) }, most: 0.5 },
        );
        check(&case, AdamW::default());
        check(&case, AdaDelta::default());
    }
}

/// The host engine, which is chosen its update at run time: parts and checkpoints are those of the
/// portable one.
#[cfg(feature = "std")]
#[test]
fn the_host_takes_steps_in_parts_and_goes_on_from_checkpoints() {
    use idinit::engine::Host;
    use idinit::update::Chosen;
    let (case, adam) = (a_case(), Adam { eps: 0.1, ..ADAM });
    let update = Clip { update: Chosen::Adam(adam), most: 0.25 };
    let numbers = Numbers::of(&case);
    let want = in_parts(&case, &numbers, Clip { update: adam, most: 0.25 }, &[1, 2]);
    let mode = Mode::train_with(&update).in_parts();
    let plan = Plan::new(&case.graph, mode, case.planned);
    let mut first = Host::new(plan.net(), update, 2).unwrap();
    first.all_weights_mut().copy_from_slice(&numbers.w);
    assert_eq!(first.step(0.1), Err(Error::NoParts));
    two_steps(&case, &numbers, &mut first, &[1, 2]);
    let allowed = tolerance(Against::HostGradient, case.graph.nodes());
    close(case.name, &wide(first.all_weights()), &wide(&want), allowed, 1.0);

    let (mut w, mut s) = (vec![0.0; plan.weights], vec![0.0; plan.net().kept()]);
    first.weights(&mut w).unwrap();
    first.state(&mut s).unwrap();
    let mut second = Host::new(plan.net(), update, 1).unwrap();
    assert!(second.restore(&w, &s[1..], 2).is_err());
    second.restore(&w, &s, first.steps()).unwrap();
    go_on(&case, &plan, &mut first, 2..12);
    go_on(&case, &plan, &mut second, 2..12);
    assert_eq!((bits(first.all_weights()), 12), (bits(second.all_weights()), second.steps()));
}
