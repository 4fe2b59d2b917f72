//! Twenty steps are those of `torch.optim` and `clip_grad_norm_`: `golden/updates.txt`, written by
//! `golden/make_layers.py`. And what clipping does to one step.

use super::cases::{Case, ROOM, cases};
use super::runner::number;
use super::runner::{Buffers, Numbers, bits, gradient, step, wide};
use super::tolerance::{Against, close, tolerance};
use super::torch::Block;
use idinit::engine::Engine;
use idinit::graph::Graph;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{
    AdaDelta, Adagrad, Adam, AdamW, Chosen, Clip, Grouped, Momentum, Sgd, Update,
};

const GOLDEN: &str = include_str!("../golden/updates.txt");
const NAMES: [&str; 4] = ["nodes.0.weight", "nodes.0.bias", "nodes.2.weight", "nodes.2.bias"];
const GRAPH: Graph<ROOM> =
    Graph::input(Shape::vector(4)).dense(5).tanh().dense(3).cross_entropy(0.0);

/// A net with scalars, whose runs begin with the name of the update.
const SCALAR_NAMES: [&str; 6] = [
    "nodes.0.weight",
    "nodes.0.bias",
    "nodes.1.bias",
    "nodes.3.weight",
    "nodes.3.bias",
    "nodes.4.weight",
];
const SCALARS: Graph<ROOM> = Graph::input(Shape::vector(4))
    .dense(5)
    .scalar_bias()
    .tanh()
    .dense(3)
    .multiplier()
    .cross_entropy(0.0);

/// The losses of 20 steps of a net with these weights, and the weights after them.
fn train(
    block: &Block,
    (graph, names): (&Graph<ROOM>, &[&str]),
    update: impl Update,
    rate: f32,
) -> (Vec<f32>, Vec<f32>) {
    let numbers = |name: &str| {
        let numbers = block.tensor("tensor", name).numbers;
        numbers.iter().map(|&x| x as f32).collect::<Vec<f32>>()
    };
    let batches = [("x0", "target0"), ("x1", "target1")].map(|(x, target)| {
        let labels: Vec<u32> = numbers(target).iter().map(|&label| label as u32).collect();
        (numbers(x), labels)
    });
    let weights: Vec<f32> = names.iter().flat_map(|name| numbers(name)).collect();
    let plan = Plan::new(graph, Mode::train_with(&update), 6);
    let mut buffers = Buffers::new(&plan, &weights, f32::NAN);
    let mut engine = buffers.engine(&plan, update);
    let mut losses = vec![];
    for (x, labels) in batches.iter().cycle().take(20) {
        losses.push(engine.train(x, Target::Labels(labels), rate).unwrap());
    }
    (losses, buffers.weights)
}

/// Whether a run says which update it is of; those of the first list are all of `SGD`.
fn is_named(block: &Block) -> bool {
    block.line("update").starts_with(char::is_alphabetic)
}

#[test]
fn twenty_steps_are_those_of_pytorch() {
    let mut runs = 0;
    let net = (&GRAPH, &NAMES[..]);
    for block in Block::all(GOLDEN).filter(|block| !is_named(block)) {
        let name = block.line("run");
        let words: Vec<f32> = block.line("update").split(' ').map(number).collect();
        let [rate, momentum, decay, nesterov, most] = words[..] else { panic!("{name}") };
        let sgd = Sgd { decay };
        let heavy = Momentum { momentum, decay, nesterov: nesterov == 1.0 };
        let (losses, weights) = match (momentum > 0.0, most > 0.0) {
            (false, false) => train(&block, net, sgd, rate),
            (true, false) => train(&block, net, heavy, rate),
            (false, true) => train(&block, net, Clip { update: sgd, most }, rate),
            (true, true) => train(&block, net, Clip { update: heavy, most }, rate),
        };
        let allowed = tolerance(Against::Trajectory, &[]);
        close(name, &wide(&losses), &block.tensor("result", "losses").numbers, allowed, 1.0);
        let want: Vec<f64> =
            NAMES.iter().flat_map(|name| block.tensor("after", name).numbers).collect();
        close(name, &wide(&weights), &want, allowed, 1.0);
        runs += 1;
    }
    assert_eq!(runs, 8);
}

/// Each update by its own type and as one that is chosen at run time: the same bits, near PyTorch's.
#[test]
fn twenty_steps_of_groups_are_those_of_pytorch() {
    fn both<U: Update>(block: &Block, update: U, same: Chosen) {
        let words: Vec<&str> = block.line("update").split(' ').collect();
        let [rate, _, most, scalar_rate, vectors] =
            [1, 2, 3, 4, 5].map(|i| number::<f32>(words[i]));
        let decay_vectors = vectors == 1.0;
        let net = (&SCALARS, &SCALAR_NAMES[..]);
        let grouped = Grouped { update, scalar_rate, decay_vectors };
        let run = match most > 0.0 {
            true => train(block, net, Clip { update: grouped, most }, rate),
            false => train(block, net, grouped, rate),
        };
        let grouped = Grouped { update: same, scalar_rate, decay_vectors };
        let most = if most > 0.0 { most } else { f32::INFINITY };
        let chosen = train(block, net, Clip { update: grouped, most }, rate);
        let name = block.line("run");
        assert_eq!((bits(&run.0), bits(&run.1)), (bits(&chosen.0), bits(&chosen.1)), "{name}");
        let allowed = tolerance(Against::Trajectory, &[]);
        let losses = block.tensor("result", "losses").numbers;
        close(name, &wide(&run.0), &losses, allowed, 1.0);
        let after: Vec<f64> =
            SCALAR_NAMES.iter().flat_map(|name| block.tensor("after", name).numbers).collect();
        close(name, &wide(&run.1), &after, allowed, 1.0);
    }
    let mut runs = 0;
    for block in Block::all(GOLDEN).filter(is_named) {
        let words: Vec<&str> = block.line("update").split(' ').collect();
        let (decay, f) = (number::<f32>(words[2]), |i: usize| number::<f32>(words[5 + i]));
        match words[0] {
            "Adam" => {
                let adam = Adam { betas: [f(1), f(2)], eps: f(3), decay };
                both(&block, adam, Chosen::Adam(adam));
            }
            "AdamW" => {
                let adamw = AdamW { betas: [f(1), f(2)], eps: f(3), decay };
                both(&block, adamw, Chosen::AdamW(adamw));
            }
            "Adadelta" => {
                let delta = AdaDelta { rho: f(1), eps: f(2), decay };
                both(&block, delta, Chosen::AdaDelta(delta));
            }
            "Adagrad" => {
                let adagrad = Adagrad { eps: f(1), decay };
                both(&block, adagrad, Chosen::Adagrad(adagrad));
            }
            "SGD" => {
                let heavy = Momentum { momentum: f(1), decay, nesterov: false };
                both(&block, heavy, Chosen::Momentum(heavy));
            }
            other => panic!("no update {other}"),
        }
        runs += 1;
    }
    assert_eq!(runs, 14);
}

#[test]
fn momentum_of_zero_is_plain_descent() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        for decay in [0.0, 0.125] {
            let plain = step(&case, &numbers, Sgd { decay }, 0.3, f32::NAN).weights;
            let still = Momentum { momentum: 0.0, decay, nesterov: false };
            let still = step(&case, &numbers, still, 0.3, f32::NAN).weights;
            if case.batch == 1 {
                let allowed = tolerance(Against::OneExample, &[]);
                close(case.name, &wide(&plain), &wide(&still), allowed, 1.0);
            } else {
                assert_eq!(bits(&plain), bits(&still), "{} with decay {decay}", case.name);
            }
        }
    }
}

#[test]
fn a_clipped_gradient_has_the_largest_norm_and_its_direction() {
    const MOST: f32 = 0.01;
    for case in cases().iter().filter(|case| case.name != "one class only") {
        let numbers = Numbers::of(case);
        let (_, g) = gradient(case, &numbers);
        let clipped = Clip { update: Momentum::default(), most: MOST };
        let state = step(case, &numbers, clipped, 0.0, f32::NAN).state;
        // the state holds the velocities, then the whole gradient
        let (velocity, whole) = state.split_at(g.len());
        assert_eq!(bits(whole), bits(&g), "{}", case.name);
        let norm = wide(&g).iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(norm > f64::from(MOST), "{} has nothing to clip", case.name);
        let factor = f64::from(MOST) / (norm + 1e-6);
        let want: Vec<f64> = wide(&g).iter().map(|g| g * factor).collect();
        let allowed = tolerance(Against::Trajectory, &[]);
        close(case.name, &wide(velocity), &want, allowed, 0.0);
    }
}

/// Velocities of different layers do not meet: only the head's gradient moves the head.
#[test]
fn each_layer_has_its_own_velocity() {
    for case in cases().into_iter().filter(|case: &Case| !case.has_batch_norm()) {
        let numbers = Numbers::of(&case);
        let momentum = Momentum { momentum: 0.5, ..Momentum::default() };
        let (_, g) = gradient(&case, &numbers);
        let plan = super::runner::plan::<Momentum>(&case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        for (i, v) in buffers.state.iter_mut().enumerate() {
            *v = i as f32;
        }
        let target = numbers.wanted.target();
        buffers.engine(&plan, momentum).train(&numbers.x, target, 0.0).unwrap();
        let mut want: Vec<f32> = g.iter().enumerate().map(|(i, g)| 0.5 * i as f32 + g).collect();
        for slot in plan.net().slots().iter().filter(|slot| !slot.backward) {
            for i in slot.moved.range() {
                want[i] = i as f32;
            }
        }
        assert_eq!(bits(&buffers.state), bits(&want), "{}", case.name);
    }
}

#[test]
fn a_layer_that_the_loss_ignores_stands_still() {
    let case = cases().into_iter().find(|case| case.name == "a branch that leads nowhere").unwrap();
    let numbers = Numbers::of(&case);
    let heavy = Momentum { momentum: 0.9, decay: 0.1, nesterov: false };
    let clip = Clip { update: heavy, most: 1.0 };
    let plan = super::runner::plan::<Momentum>(&case);
    let ignored: Vec<_> =
        plan.net().slots().iter().filter(|slot| slot.trained.any() && !slot.backward).collect();
    assert_eq!(ignored.len(), 1);
    for after in [
        step(&case, &numbers, Sgd { decay: 0.1 }, 0.5, f32::NAN).weights,
        step(&case, &numbers, heavy, 0.5, f32::NAN).weights,
        step(&case, &numbers, clip, 0.5, f32::NAN).weights,
    ] {
        let weights = ignored[0].weights;
        assert_eq!(bits(weights.of(&after)), bits(weights.of(&numbers.w)));
    }
}
