use super::reservoir::Reservoir;
use super::*;
use crate::engine::Memory;
use crate::graph::Graph;
use crate::init::{IdInit, Initial};
use crate::layer::All;
use crate::plan::{Mode, Plan};
use crate::rule::philox;
use crate::shape::Shape;
use crate::update::{Momentum, Sgd};
use std::vec::Vec;

const NET: Graph<5> =
    Graph::input(Shape::vector(4)).dense(8).relu().dense(8).relu().dense(3).cross_entropy(0.0);

/// Example `i`: its class is the largest of its first three numbers.
fn example(i: u32) -> ([f32; 4], u32) {
    let x = philox([i, 0, 0, 0], [9, 9]).map(|random| (random >> 8) as f32 / 8_388_608.0 - 1.0);
    let largest = (0..3).reduce(|a, b| if x[b] > x[a] { b } else { a });
    (x, largest.unwrap() as u32)
}

/// Memory for a learner of up to 30 examples.
struct Room {
    weights: Vec<f32>,
    state: Vec<f32>,
    arena: Vec<f32>,
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl Room {
    fn of(plan: &Plan<5>) -> Self {
        Self {
            weights: vec![f32::NAN; plan.weights],
            state: vec![f32::NAN; plan.state],
            arena: vec![f32::NAN; plan.arena],
            inputs: vec![f32::NAN; 30 * 4],
            labels: vec![9; 30],
        }
    }

    fn learner<'a, U: Update>(
        &'a mut self,
        plan: &'a Plan<5>,
        update: U,
        settings: Settings,
    ) -> Result<Learner<'a, All, U, Initial<'a, IdInit>, 3>, LearnError> {
        let Self { weights, state, arena, inputs, labels } = self;
        let engine = Portable::new(plan.net(), update, Memory { weights, state, arena }).unwrap();
        let start = Initial::new(plan.net().nodes(), IdInit::PAPER);
        Learner::new(engine, start, Examples { inputs, labels }, settings)
    }
}

fn bits(weights: &[f32]) -> Vec<u32> {
    weights.iter().map(|weight| weight.to_bits()).collect()
}

/// Trains on 300 labels, `steps` steps after each by `budget`, and returns bits of all weights.
fn trained<C: FnMut() -> u64>(
    plan: &Plan<5>,
    settings: Settings,
    mut budget: impl FnMut() -> Budget<C>,
    calls: u32,
) -> (Vec<u32>, Metrics) {
    let mut room = Room::of(plan);
    let mut learner = room.learner(plan, Sgd::default(), settings).unwrap();
    for i in 0..300 {
        let (x, label) = example(i);
        learner.label(&x, label).unwrap();
        for _ in 0..calls {
            learner.work(budget(), |_| ()).unwrap();
        }
    }
    (bits(learner.weights()), *learner.metrics())
}

#[test]
fn a_stream_of_labels_is_learnt() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 1);
    let settings = Settings { rate: 0.05, ..Settings::default() };
    let (_, metrics) = trained(&plan, settings, || Budget::steps(8), 1);
    let (right, of) = metrics.recent();
    assert!(of == RECENT && right >= 56, "{right} of {of}");
    let Counters { steps, labels, right } = metrics.counters;
    assert_eq!((steps, labels, metrics.kept), (2_400, 300, 30));
    assert!(right > 200 && metrics.loss.is_finite() && metrics.setbacks == 0);
    // weights, arena, examples and labels, and the learner itself
    let lent = 4 * (plan.weights + plan.arena + 30 * 4 + 30);
    let own = size_of::<Learner<'_, All, Sgd, Initial<'_, IdInit>, 3>>();
    assert_eq!(metrics.memory as usize, lent + own);
}

/// However the steps are spread over calls and clocks, they are the same steps.
#[test]
fn only_the_number_of_steps_changes_what_is_learnt() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 4);
    let settings = Settings { batch: 4, seed: 7, ..Settings::default() };
    let (one, _) = trained(&plan, settings, || Budget::steps(6), 1);
    assert_eq!(one, trained(&plan, settings, || Budget::steps(2), 3).0);
    assert_eq!(one, trained(&plan, settings, || Budget::steps(1), 6).0);
    // a clock that is read once before, and once behind each step
    let mut now = 0;
    let mut tick = || {
        let mut time = 0;
        now += 1;
        move || {
            time += 100;
            time
        }
    };
    assert_eq!(one, trained(&plan, settings, || Budget::micros(250, tick()), 2).0);
    assert_eq!(one, trained(&plan, settings, || Budget::micros(1 << 40, || 0).and_steps(6), 1).0);
    assert_eq!(one, trained(&plan, settings, || Budget::steps(2).and_steps(9), 3).0);
    let other = Settings { seed: 8, ..settings };
    assert_ne!(one, trained(&plan, other, || Budget::steps(6), 1).0);
}

#[test]
fn a_budget_of_time_takes_a_step_at_least() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 1);
    let mut room = Room::of(&plan);
    let mut learner = room.learner(&plan, Sgd::default(), Settings::default()).unwrap();
    let mut late = 0;
    let mut clock = || {
        late += 1_000;
        late
    };
    assert_eq!(
        learner.work(Budget::micros(10, &mut clock), |_| ()),
        Ok(0),
        "nothing to learn from"
    );
    learner.label(&[1.0, 0.0, 0.0, 0.0], 0).unwrap();
    let mut told = vec![];
    let report = |metrics: &Metrics| told.push((metrics.counters.steps, metrics.batch));
    assert_eq!(learner.work(Budget::micros(2_500, &mut clock), report), Ok(3));
    assert_eq!(learner.work(Budget::micros(0, clock), |_| ()), Ok(1));
    assert_eq!(told, [(1, 1), (2, 1), (3, 1)]);
}

/// A step of 12 examples in parts of 4 is the step of one batch of 12, but for the order of sums.
#[test]
fn a_large_batch_goes_in_parts() {
    let settings = Settings { batch: 12, ..Settings::default() };
    let mut plans = [4, 12].map(|batch| Plan::new(&NET, Mode::train::<Sgd>().in_parts(), batch));
    let weights = plans.each_mut().map(|plan| {
        let (bits, metrics) = trained(plan, settings, || Budget::steps(3), 1);
        assert!(metrics.batch <= 12 && metrics.counters.steps == 900);
        bits
    });
    let far = |(a, b): (&u32, &u32)| (f32::from_bits(*a) - f32::from_bits(*b)).abs();
    let most = weights[0].iter().zip(&weights[1]).map(far).fold(0.0, f32::max);
    // 900 steps, each rounded to 24 bits
    assert!(most < 1e-3, "{most}");

    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 4);
    let refused = Room::of(&plan).learner(&plan, Sgd::default(), settings).map(|_| ());
    assert_eq!(refused, Err(LearnError::Batch { most: 4, got: 12 }));
}

#[test]
fn only_the_last_layers_learn_where_the_plan_says_so() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>().last(1), 1);
    let (bits, _) = trained(&plan, Settings::default(), || Budget::steps(2), 1);
    let mut start = vec![0.0; plan.weights];
    Initial::<'_, _>::new(NET.nodes(), IdInit::PAPER).fill_window(0, &mut start).unwrap();
    let head = 8 * 3 + 3;
    let (body, head) = bits.split_at(bits.len() - head);
    assert!(body.iter().zip(&start).all(|(a, b)| *a == b.to_bits()));
    assert!(head.iter().zip(&start[body.len()..]).any(|(a, b)| *a != b.to_bits()));
}

/// Where numbers run away, the learner says so, is at its start, and learns again.
#[test]
fn a_setback_leads_back_to_the_start() {
    let plan = Plan::new(&NET, Mode::train::<Momentum>(), 1);
    let mut room = Room::of(&plan);
    let settings = Settings { rate: 900.0, ..Settings::default() };
    let update = Momentum { momentum: 0.9, ..Momentum::default() };
    let mut learner = room.learner(&plan, update, settings).unwrap();
    let start = bits(learner.weights());
    let mut setback = None;
    for i in 0..200 {
        let (x, label) = example(i);
        if learner.label(&x, label).is_err() {
            continue;
        }
        if let Err(error) = learner.work(Budget::steps(20), |_| ()) {
            setback = Some(error);
            break;
        }
    }
    assert!(matches!(setback, Some(LearnError::Setback(_))), "{setback:?}");
    assert_eq!(bits(learner.weights()), start);
    assert_eq!(learner.metrics().setbacks, 1);
    let steps = learner.metrics().counters.steps;
    learner.set_rate(0.01);
    assert_eq!(learner.work(Budget::steps(50), |_| ()), Ok(50));
    assert_eq!(learner.metrics().counters.steps, steps + 50);
    assert!(learner.weights().iter().all(|weight| weight.is_finite()));
    learner.begin().unwrap();
    assert_eq!(bits(learner.weights()), start);
}

#[test]
fn a_rate_that_cannot_work_changes_nothing() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 1);
    let mut room = Room::of(&plan);
    let mut learner = room.learner(&plan, Sgd::default(), Settings::default()).unwrap();
    learner.label(&[1.0, 0.0, 0.0, 0.0], 0).unwrap();
    learner.work(Budget::steps(3), |_| ()).unwrap();
    let before = bits(learner.weights());
    learner.set_rate(-1.0);
    let refused = learner.work(Budget::steps(3), |_| ());
    assert_eq!(refused, Err(LearnError::Engine(Error::Rate(-1.0))));
    assert_eq!((bits(learner.weights()), learner.metrics().setbacks), (before, 0));
}

#[test]
fn confidence_is_the_softmax_of_the_outputs() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 1);
    let mut room = Room::of(&plan);
    let mut learner = room.learner(&plan, Sgd::default(), Settings::default()).unwrap();
    for i in 0..40 {
        let (x, label) = example(i);
        learner.label(&x, label).unwrap();
        learner.work(Budget::steps(5), |_| ()).unwrap();
    }
    let (x, _) = example(50);
    let guess = learner.infer(&x).unwrap();
    let mut y = [0.0; 3];
    learner.engine.infer(&x, &mut y).unwrap();
    let exps = y.map(|y| libm::exp(f64::from(y)));
    let most = exps.iter().copied().fold(0.0, f64::max);
    assert_eq!(exps[guess.class as usize], most);
    let want = most / exps.iter().sum::<f64>();
    assert!((f64::from(guess.confidence) - want).abs() < 1e-6, "{guess:?} {want}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 1);
    let mut room = Room::of(&plan);
    let mut learner = room.learner(&plan, Sgd::default(), Settings::default()).unwrap();
    let label = learner.label(&[0.0; 4], 3).unwrap_err();
    assert_eq!(label, LearnError::Label { got: 3, classes: 3 });
    assert_eq!(learner.label(&[0.0; 3], 1), Err(LearnError::Input { need: 4, got: 3 }));
    assert_eq!(learner.infer(&[f32::NAN; 4]), Err(LearnError::NotFinite));
    assert_eq!(learner.metrics().counters.labels, 0);

    let mut room = Room::of(&plan);
    room.labels.truncate(2);
    let few = room.learner(&plan, Sgd::default(), Settings::default()).map(|_| ());
    assert_eq!(few, Err(LearnError::Room { need: 3, got: 2 }));
    let all = Settings { by_class: false, ..Settings::default() };
    assert!(room.learner(&plan, Sgd::default(), all).is_ok());
}

/// A reservoir of `room` places in which an example is its own number.
fn with_reservoir<R>(
    (room, by_class, seed): (usize, bool, u64),
    run: impl FnOnce(&mut Reservoir<'_, 4>) -> R,
) -> R {
    let (mut inputs, mut labels) = (vec![f32::NAN; room], vec![9; room]);
    let examples = Examples { inputs: &mut inputs, labels: &mut labels };
    run(&mut Reservoir::new(examples, 1, by_class, seed))
}

/// Each of 100 examples is kept as often as any other: 1,000 reservoirs of 20 of them.
#[test]
fn every_example_has_the_same_chance_to_be_kept() {
    let mut kept = [0_u32; 100];
    for seed in 0..1_000 {
        with_reservoir((20, false, seed), |reservoir| {
            for i in 0..100 {
                reservoir.offer(&[i as f32], i % 4);
                // places may change between offers
                if i % 7 == 0 {
                    reservoir.shuffle(i);
                }
            }
            let (examples, labels) = reservoir.batch(0, 100);
            assert_eq!(examples.len(), 20);
            for (x, label) in examples.iter().zip(labels) {
                assert_eq!(*x as u32 % 4, *label);
                kept[*x as usize] += 1;
            }
        });
    }
    // 200 of each, σ = √(1,000 · 0.2 · 0.8) = 12.6: χ² of 100 counts, less than 160 but once in 10,000
    let chi: f64 = kept.iter().map(|n| f64::from(n.abs_diff(200).pow(2)) / 160.0).sum();
    assert!(chi < 160.0, "{chi}: {kept:?}");
    assert!(chi > 50.0, "{chi}: too even to be chance");
}

/// One class comes a hundred times as often as the others, and each has its places.
#[test]
fn by_class_a_rare_class_keeps_its_places() {
    let count = |by_class| {
        with_reservoir((20, by_class, 3), |reservoir| {
            for i in 0..2_000 {
                let label = if i % 100 < 97 { 0 } else { i % 100 - 96 };
                reservoir.offer(&[i as f32], label);
                reservoir.shuffle(i);
            }
            let (_, labels) = reservoir.batch(0, 20);
            [0, 1, 2, 3].map(|class| labels.iter().filter(|label| **label == class).count())
        })
    };
    assert_eq!(count(true), [5; 4]);
    assert!(count(false)[0] >= 17);
}

/// All orders of four examples come, about equally often.
#[test]
fn a_shuffle_is_any_order() {
    let mut orders = std::collections::BTreeMap::new();
    with_reservoir((4, false, 1), |reservoir| {
        (0..4).for_each(|i| assert_eq!(reservoir.offer(&[i as f32], i), Some(i as usize)));
        for pass in 0..2_400 {
            reservoir.shuffle(pass);
            let (examples, labels) = reservoir.batch(0, 4);
            assert!(examples.iter().zip(labels).all(|(x, label)| *x == *label as f32));
            *orders.entry(labels.to_vec()).or_insert(0_u32) += 1;
        }
    });
    // 100 of each, σ = 9.8
    assert_eq!(orders.len(), 24);
    assert!(orders.values().all(|n| (60..140).contains(n)), "{orders:?}");
}

#[test]
fn a_budget_is_the_smaller_of_its_two_bounds() {
    let plan = Plan::new(&NET, Mode::train::<Sgd>(), 1);
    let mut room = Room::of(&plan);
    let mut learner = room.learner(&plan, Sgd::default(), Settings::default()).unwrap();
    let (x, label) = example(1);
    learner.label(&x, label).unwrap();
    assert_eq!(learner.work(Budget::steps(2).and_steps(u32::MAX), |_| ()), Ok(2));
    assert_eq!(learner.work(Budget::steps(5).and_steps(3), |_| ()), Ok(3));
}

/// Steps of a planned size, example by example, are those of the batch; and where there are fewer examples, or a
/// pass has no whole number of steps, they are as large.
#[test]
fn steps_of_a_planned_size_go_around() {
    let mut plans = [
        Plan::new(&NET, Mode::train::<Momentum>(), 4),
        Plan::new(&NET, Mode::train::<Momentum>().in_parts_of(4), 1),
    ];
    let momentum = Momentum { momentum: 0.9, ..Momentum::default() };
    let settings = Settings { batch: 4, by_class: false, ..Settings::default() };
    let weights = plans.each_mut().map(|plan| {
        let mut room = Room::of(plan);
        let mut learner = room.learner(plan, momentum, settings).unwrap();
        for (x, label) in (0..8).map(example) {
            learner.label(&x, label).unwrap();
        }
        assert_eq!(learner.work(Budget::steps(6), |_| ()), Ok(6));
        bits(learner.weights())
    });
    assert_eq!(weights[0], weights[1]);
    for kept in [1, 3, 6] {
        let mut room = Room::of(&plans[1]);
        let mut learner = room.learner(&plans[1], momentum, settings).unwrap();
        for (x, label) in (0..kept).map(example) {
            learner.label(&x, label).unwrap();
        }
        assert_eq!(learner.work(Budget::steps(5), |_| ()), Ok(5), "{kept}");
        assert_eq!(learner.metrics().batch, 4);
    }
    let mut room = Room::of(&plans[1]);
    let wrong = Settings { batch: 3, ..settings };
    let refused = room.learner(&plans[1], momentum, wrong).err();
    assert_eq!(refused, Some(LearnError::Batch { most: 4, got: 3 }));
}
