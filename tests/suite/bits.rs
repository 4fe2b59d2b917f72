//! What must not change a bit: what memory held before, where a run was cut in two, how large a
//! batch the plan allows, and what else the plan is for.

use super::cases::{Case, Trains, cases};
use super::runner::{Buffers, Chance, Numbers, bits, gradient, infer, inference, plan, step};
use idinit::engine::Engine;
use idinit::layer::Kind;
use idinit::plan::{Mode, Plan};
use idinit::update::{Clip, Momentum, Sgd};

const MOMENTUM: Momentum = Momentum { momentum: 0.9, decay: 1e-3, nesterov: true };
const CLIP: Clip<Momentum> = Clip { update: MOMENTUM, most: 0.5 };

/// What an arena may hold: if a step read anything that it had not written, these would show.
const FILLS: [f32; 4] = [0.0, f32::NAN, 1e30, -7.5];

#[test]
fn nothing_reads_what_was_not_written() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        let runs = FILLS.map(|fill| {
            let sgd = step(&case, &numbers, Sgd { decay: 1e-3 }, 0.3, fill);
            let momentum = step(&case, &numbers, MOMENTUM, 0.3, fill);
            let clip = step(&case, &numbers, CLIP, 0.3, fill);
            [sgd, momentum, clip]
                .map(|run| (run.loss.to_bits(), bits(&run.weights), bits(&run.state)))
        });
        for (fill, run) in FILLS.iter().zip(&runs) {
            assert_eq!(run, &runs[0], "{} in an arena of {fill}", case.name);
        }
        for (_, weights, state) in &runs[0] {
            let finite = |bits: &u32| f32::from_bits(*bits).is_finite();
            assert!(weights.iter().chain(state).all(finite), "{}", case.name);
        }
    }
}

#[test]
fn inference_reads_nothing_that_was_not_written() {
    for case in cases() {
        let Numbers { w, x, .. } = Numbers::of(&case);
        let plan = inference(&case);
        let outputs = FILLS.map(|fill| {
            let mut y = vec![fill; case.batch * case.graph.output().len()];
            let mut buffers = Buffers::new(&plan, &w, fill);
            buffers.engine(&plan, Sgd::default()).infer(&x, &mut y).unwrap();
            bits(&y)
        });
        assert!(outputs.iter().all(|y| *y == outputs[0]), "{}", case.name);
    }
}

#[test]
fn plans_for_inference_and_for_training_infer_the_same_bits() {
    for case in cases() {
        let Numbers { w, x, .. } = Numbers::of(&case);
        let want = bits(&infer(&inference(&case), MOMENTUM, &w, &x));
        assert_eq!(
            bits(&infer(&plan::<Sgd>(&case), Sgd::default(), &w, &x)),
            want,
            "{}",
            case.name
        );
        assert_eq!(
            bits(&infer(&plan::<Clip<Momentum>>(&case), CLIP, &w, &x)),
            want,
            "{}",
            case.name
        );
    }
}

#[test]
fn what_is_trained_does_not_change_the_forward_pass() {
    for case in cases().into_iter().filter(|case| !case.has_batch_norm()) {
        let numbers = Numbers::of(&case);
        let loss = |trains| gradient(&case.training(trains), &numbers).0.to_bits();
        assert_eq!(loss(Trains::Last(1)), loss(Trains::All), "{}", case.name);
        assert_eq!(loss(case.trains), loss(Trains::All), "{}", case.name);
    }
}

#[test]
fn inference_does_not_disturb_training() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        let want = step(&case, &numbers, MOMENTUM, 0.1, f32::NAN);
        let plan = plan::<Momentum>(&case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let mut engine = buffers.engine(&plan, MOMENTUM);
        let mut y = vec![0.0; case.batch * case.graph.output().len()];
        engine.infer(&numbers.x, &mut y).unwrap();
        engine.train(&numbers.x, numbers.wanted.target(), 0.1).unwrap();
        assert_eq!(bits(engine.all_weights()), bits(&want.weights), "{}", case.name);
    }
}

#[test]
fn a_smaller_batch_in_a_larger_plan_is_the_same_batch() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        let planned_for = |planned| {
            let case = case.planned_for(planned);
            let run = step(&case, &numbers, MOMENTUM, 0.2, f32::NAN);
            let y = infer(&inference(&case), MOMENTUM, &numbers.w, &numbers.x);
            (run.loss.to_bits(), bits(&run.weights), bits(&run.state), bits(&y))
        };
        let exact = planned_for(case.batch);
        assert_eq!(planned_for(case.batch + 1), exact, "{}", case.name);
        assert_eq!(planned_for(case.batch + 6), exact, "{}", case.name);
    }
}

#[test]
fn an_example_is_inferred_alike_alone_and_in_a_batch() {
    for case in cases() {
        let Numbers { w, x, .. } = Numbers::of(&case);
        let plan = inference(&case);
        let together = bits(&infer(&plan, MOMENTUM, &w, &x));
        let alone = x.chunks(case.graph.input_shape().len());
        let alone: Vec<u32> = alone.flat_map(|x| bits(&infer(&plan, MOMENTUM, &w, x))).collect();
        assert_eq!(alone, together, "{}", case.name);
    }
}

/// Ten steps over changing batches; after `cut` of them, a new engine takes over the memory and
/// finds another arena.
fn ten_steps(case: &Case, cut: usize) -> (Vec<u32>, Vec<u32>) {
    let mut numbers = Numbers::of(case);
    let mut chance = Chance(case.seed + 1);
    let plan = plan::<Clip<Momentum>>(case);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    for steps in [0..cut, cut..10] {
        let (w, state) = (buffers.weights.clone(), buffers.state.clone());
        let mut engine = buffers.engine(&plan, CLIP);
        engine.restore(&w, &state[..plan.net().kept()], steps.start as u64).unwrap();
        for step in steps {
            let batch = 1 + step % case.planned;
            numbers.next_batch(case, batch, &mut chance);
            engine
                .train(&numbers.x, numbers.wanted.target(), 0.05)
                .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        }
        buffers.arena.fill(-3.0);
    }
    (bits(&buffers.weights), bits(&buffers.state))
}

#[test]
fn a_run_repeated_or_cut_in_two_gives_the_same_bits() {
    for case in cases() {
        let whole = ten_steps(&case, 0);
        assert_eq!(ten_steps(&case, 0), whole, "{} again", case.name);
        for cut in [1, 5] {
            assert_eq!(ten_steps(&case, cut), whole, "{} cut after {cut}", case.name);
        }
        assert_ne!(whole.0, bits(&Numbers::of(&case).w), "{} does not train", case.name);
    }
}

/// The loss and the weights of three steps.
fn three_steps(case: &Case, mode: Mode, numbers: &Numbers) -> (Vec<u32>, Vec<u32>) {
    let plan = Plan::new(&case.graph, mode, case.planned);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    let mut engine = buffers.engine(&plan, MOMENTUM);
    let losses: Vec<f32> =
        (0..3).map(|_| engine.train(&numbers.x, numbers.wanted.target(), 0.1).unwrap()).collect();
    (bits(&losses), bits(engine.all_weights()))
}

#[test]
fn a_rectifier_computes_the_same_by_its_bits() {
    let (mut masks, mut less) = (0, 0);
    for case in cases() {
        let numbers = Numbers::of(&case);
        for mode in [Mode::train::<Momentum>(), Mode::train::<Momentum>().vectors()] {
            let Ok(plain) = Plan::checked(&case.graph, mode, case.planned) else { continue };
            let masked = Plan::new(&case.graph, mode.masked(), case.planned);
            let by_bits = |plan: &Plan<_>| plan.net().uses().has(Kind::MaskedRelu);
            if by_bits(&plain) || !by_bits(&masked) {
                continue;
            }
            assert_eq!(
                three_steps(&case, mode.masked(), &numbers),
                three_steps(&case, mode, &numbers),
                "{} {mode:?}",
                case.name
            );
            masks += 1;
            less += usize::from(masked.arena < plain.arena);
            assert!(masked.arena <= plain.arena, "{} {mode:?}", case.name);
        }
    }
    assert!(masks > 10 && 2 * less > masks, "{less} of {masks} take less memory");
}
