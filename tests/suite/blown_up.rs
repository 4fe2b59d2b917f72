//! Training that goes wrong ends with an error, never with a weight that is not finite.

use super::cases::{Case, ROOM, Trains, cases};
use super::definition::{self, Purpose};
use super::runner::{Buffers, Chance, Numbers, Wanted, bits, gradient, plan, step, wide};
use super::tolerance::{Against, close, tolerance};
use idinit::engine::{Engine, Error};
use idinit::graph::Graph;
use idinit::layer::Kind;
use idinit::plan::Plan;
use idinit::shape::Shape;
use idinit::update::{AdaDelta, Adagrad, Adam, AdamW, Clip, Grouped, Momentum, Sgd, Update};

fn finite(numbers: &[f32]) -> bool {
    numbers.iter().all(|x| x.is_finite())
}

/// Where layer `node` refused to compute, it and those before it keep their weights. With clipping,
/// those behind it do so too, but for their running statistics.
fn keeps_what_it_says<U: Update>(
    case: &Case,
    plan: &Plan<ROOM>,
    node: usize,
    before: &[u32],
    after: &[f32],
) {
    let mut at = 0;
    for (k, layer) in case.graph.nodes().iter().enumerate() {
        for (len, purpose) in definition::parts(layer) {
            let statistics = matches!(purpose, Purpose::RunningMean | Purpose::RunningVariance);
            if k <= node || (U::WHOLE && !statistics) {
                let kept = bits(&after[at..at + len]) == before[at..at + len];
                assert!(kept, "{}: layer {k} moved, {node} diverged", case.name);
            }
            at += len;
        }
    }
    assert_eq!(at, plan.weights);
}

/// Steps until an error, at most `most` of them. After each, every weight is finite; where the error
/// says that none has moved, none has.
fn until_error<U: Update>(
    case: &Case,
    numbers: &Numbers,
    update: U,
    rate: f32,
    most: u32,
) -> Option<Error> {
    let plan = plan::<U>(case);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    let mut engine = buffers.engine(&plan, update);
    for step in 0..most {
        let before = bits(engine.all_weights());
        let result = engine.train(&numbers.x, numbers.wanted.target(), rate);
        assert!(finite(engine.all_weights()), "{}: step {step}: {result:?}", case.name);
        match result {
            Ok(loss) => assert!(loss.is_finite(), "{}", case.name),
            Err(error) => {
                if let Error::Loss(loss) = error {
                    assert!(!loss.is_finite());
                    assert_eq!(bits(engine.all_weights()), before, "{}: {error}", case.name);
                }
                if let Error::Diverged { node } = error {
                    keeps_what_it_says::<U>(case, &plan, node, &before, engine.all_weights());
                }
                return Some(error);
            }
        }
    }
    None
}

/// With all updates, from each case's own weights.
fn with_all_updates(
    case: &Case,
    numbers: &Numbers,
    rate: f32,
    most: u32,
    mut check: impl FnMut(Option<Error>),
) {
    let heavy = |decay| Momentum { momentum: 0.99, decay, nesterov: true };
    let clip = |most| Clip { update: heavy(0.0), most };
    check(until_error(case, numbers, Sgd::default(), rate, most));
    check(until_error(case, numbers, heavy(0.0), rate, most));
    check(until_error(case, numbers, clip(f32::INFINITY), rate, most));
    check(until_error(case, numbers, clip(1e3), rate, most));
    check(until_error(case, numbers, Adam { decay: 1.0, ..Adam::default() }, rate, most));
    check(until_error(case, numbers, AdaDelta { decay: 1.0, ..AdaDelta::default() }, rate, most));
    check(until_error(case, numbers, Adagrad { decay: 1.0, ..Adagrad::default() }, rate, most));
}

#[test]
fn an_absurd_rate_never_leaves_a_weight_that_is_not_finite() {
    let mut errors = 0;
    for case in cases() {
        let numbers = Numbers::of(&case);
        for rate in [30.0, 1000.0] {
            with_all_updates(&case, &numbers, rate, 15, |error| {
                errors += u32::from(error.is_some())
            });
        }
    }
    println!("{errors} runs blew up");
    assert!(errors > 100, "only {errors} runs blew up");
}

#[test]
fn a_decay_that_would_turn_weights_around_is_refused() {
    let case = &cases()[1];
    let numbers = Numbers::of(case);
    // each step would multiply a weight by 1 − 2
    let rate = 2.0;
    let half = Grouped::alike(Sgd { decay: 0.5 });
    assert_eq!(until_error(case, &numbers, half, rate, 1), None);
    // it is a step's direction that such a decay changes, never its size
    let adam = Adam { decay: 1.0, ..Adam::default() };
    assert_eq!(until_error(case, &numbers, adam, rate, 1), None);
    for error in [
        until_error(case, &numbers, Sgd { decay: 1.0 }, rate, 1),
        until_error(case, &numbers, Momentum { decay: 1.0, ..Momentum::default() }, rate, 1),
        until_error(case, &numbers, Clip { update: Sgd { decay: 1.0 }, most: 1.0 }, rate, 1),
        until_error(case, &numbers, AdamW { decay: 1.0, ..AdamW::default() }, rate, 1),
        until_error(case, &numbers, Grouped { scalar_rate: 2.0, ..half }, rate, 1),
    ] {
        assert_eq!(error, Some(Error::Rate(rate)));
    }
}

#[test]
fn the_largest_decay_never_leaves_a_weight_that_is_not_finite() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        for (rate, decay) in [(1000.0, 1e-3), (1.0, 1.0)] {
            until_error(&case, &numbers, Sgd { decay }, rate, 15);
            let heavy = Momentum { momentum: 0.99, decay, nesterov: true };
            until_error(&case, &numbers, heavy, rate, 15);
            until_error(&case, &numbers, Clip { update: heavy, most: 1.0 }, rate, 15);
        }
    }
}

#[test]
fn numbers_that_are_not_finite_or_absurd_are_an_error() {
    for case in cases() {
        // a shortcut and a pool with gaps leave out pixels, so that not every number counts
        if case.graph.uses().has(Kind::Shortcut)
            || case.graph.uses().has(Kind::Select)
            || case.name.contains("left out")
            || case.name.contains("leaves out")
        {
            continue;
        }
        let numbers = Numbers::of(&case);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, numbers.x.len() / 2, numbers.x.len() - 1] {
                let mut bad_numbers = numbers.clone();
                bad_numbers.x[at] = bad;
                // (a leaky view on the world: −∞ or +∞ may saturate an activation; NaN may not)
                with_all_updates(&case, &bad_numbers, 0.1, 1, |error| {
                    assert!(error.is_some() || !bad.is_nan(), "{}: {bad} at {at}", case.name);
                });
            }
        }
        if let Wanted::Values(values) = &numbers.wanted {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut values = values.clone();
                values[0] = bad;
                let bad_numbers = Numbers { wanted: Wanted::Values(values), ..numbers.clone() };
                with_all_updates(&case, &bad_numbers, 0.1, 1, |error| {
                    assert!(matches!(error, Some(Error::Loss(_))), "{}: {error:?}", case.name);
                });
            }
        }
    }
}

#[test]
fn inputs_of_any_size_leave_weights_finite() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        for size in [1e10, 1e18, 1e30, 3e38] {
            let mut large = numbers.clone();
            for x in &mut large.x {
                *x *= size / 1.5;
            }
            with_all_updates(&case, &large, 1.0, 5, |_| {});
        }
    }
}

#[test]
fn weights_of_any_size_stay_finite() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        for size in [1e10, 1e20, 1e38] {
            let mut large = numbers.clone();
            for w in &mut large.w {
                *w *= size;
            }
            // a variance is not negative, but may be anything else
            if finite(&large.w) {
                with_all_updates(&case, &large, 1000.0, 5, |_| {});
            }
        }
    }
}

#[test]
fn infinite_weights_do_not_panic_and_do_not_spread() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        let mut chance = Chance(case.seed);
        for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let at = chance.below(numbers.w.len() as u64) as usize;
            let mut w = numbers.w.clone();
            w[at] = bad;
            let plan = plan::<Sgd>(&case);
            let mut buffers = Buffers::new(&plan, &w, f32::NAN);
            let mut engine = buffers.engine(&plan, Sgd::default());
            for _ in 0..3 {
                let _ = engine.train(&numbers.x, numbers.wanted.target(), 1.0);
            }
            for (i, w) in engine.all_weights().iter().enumerate() {
                assert!(w.is_finite() || i == at, "{}: {bad} at {at} spread to {i}", case.name);
            }
        }
    }
}

#[test]
fn a_gradient_whose_square_overflows_is_clipped_all_the_same() {
    const RATE: f32 = 0.125;
    let graph: Graph<ROOM> =
        Graph::input(Shape::vector(2)).dense(2).batch_norm().dense(1).squared_error();
    let trains = Trains::Last(2);
    let case = Case { name: "overflow", graph, planned: 3, batch: 3, trains, seed: 1 };
    let mut numbers = Numbers::of(&case);
    // γ: the gradient of the last layer is about 1e22
    numbers.w[6..8].fill(1e11);
    let (_, g) = gradient(&case, &numbers);
    let square: f32 = g.iter().map(|g| g * g).sum();
    assert!(square.is_infinite());
    let clip = Clip { update: Sgd::default(), most: 1.0 };
    let after = step(&case, &numbers, clip, RATE, f32::NAN).weights;
    // the step is as long as the rate, and nearly all of it is the last layer's
    let moved = wide(&after[14..]).into_iter().zip(wide(&numbers.w[14..])).map(|(a, b)| a - b);
    let length = moved.take(3).map(|d| d * d).sum::<f64>().sqrt();
    let allowed = tolerance(Against::Trajectory, &[]);
    close(case.name, &[length], &[f64::from(RATE)], allowed, 0.0);
}
