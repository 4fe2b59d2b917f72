//! No graph panics: whatever is drawn, either `finish` or the plan refuses it, or it trains. (That its
//! gradients are right is checked on random graphs too.)

use super::cases::{Case, ROOM, Trains};
use super::definition;
use super::runner::{Buffers, Chance, Numbers, Wanted, bits, gradient, plan, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::engine::Engine;
use idinit::graph::{Graph, Role, Value};
use idinit::layer::{
    Attention, AveragePool, BatchNorm, Conv2d, Dense, Gru, Kind, Layer, LayerNorm, LeakyRelu, Lstm,
    MaxPool, Padding, Rnn, Shortcut, Trained,
};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{Clip, Momentum, Sgd};
use proptest::prelude::*;

/// A layer, and where it goes: the latest value or an earlier one, of so many.
#[derive(Clone, Copy, Debug)]
struct Step {
    layer: Layer,
    from: Option<usize>,
    second: usize,
    role: Role,
    named: bool,
}

fn pair(range: std::ops::Range<u32>) -> impl Strategy<Value = [u32; 2]> + Clone {
    (range.clone(), range).prop_map(|(a, b)| [a, b])
}

fn layers() -> impl Strategy<Value = Layer> {
    let conv = (0..10_u32, pair(0..5), pair(0..4), pair(0..4), 0..5_u32, any::<bool>()).prop_map(
        |(out, kernel, stride, padding, groups, bias)| {
            Layer::Conv2d(Conv2d { out, kernel, stride, padding, groups, bias })
        },
    );
    let pools = (pair(0..4), pair(0..4));
    let max = (pools.clone(), pair(0..3)).prop_map(|((kernel, stride), padding)| {
        Layer::MaxPool(MaxPool { kernel, stride, padding })
    });
    let average =
        pools.prop_map(|(kernel, stride)| Layer::AveragePool(AveragePool { kernel, stride }));
    let shortcut = (0..12_u32, 0..4_u32, any::<bool>()).prop_map(|(channels, stride, around)| {
        let padding = if around { Padding::Around } else { Padding::Behind };
        Layer::Shortcut(Shortcut { channels, stride, padding })
    });
    prop_oneof![
        3 => (0..10_u32, any::<bool>()).prop_map(|(out, bias)| Layer::Dense(Dense { out, bias })),
        3 => conv,
        2 => Just(Layer::BatchNorm(BatchNorm { eps: 1e-3, momentum: 0.1 })),
        1 => Just(Layer::LayerNorm(LayerNorm { eps: 1e-3 })),
        1 => max,
        1 => average,
        1 => shortcut,
        4 => Just(Layer::Add(idinit::layer::Add)),
        6 => token_layers(),
        6 => prop_oneof![
            Just(Layer::Relu(idinit::layer::Relu)),
            Just(Layer::MaskedRelu(idinit::layer::MaskedRelu)),
            Just(Layer::LeakyRelu(LeakyRelu { slope: 0.25 })),
            Just(Layer::Tanh(idinit::layer::Tanh)),
            Just(Layer::Sigmoid(idinit::layer::Sigmoid)),
            Just(Layer::Gelu(idinit::layer::Gelu)),
            Just(Layer::ScalarBias(idinit::layer::ScalarBias)),
            Just(Layer::Multiplier(idinit::layer::Multiplier)),
            Just(Layer::Flatten(idinit::layer::Flatten)),
            Just(Layer::GlobalAveragePool(idinit::layer::GlobalAveragePool)),
        ],
    ]
}

/// The layers of texts, transformers and squeeze-and-excitation.
fn token_layers() -> impl Strategy<Value = Layer> {
    let embedding = (0..5_u32, 0..9_u32, any::<bool>()).prop_map(|(count, width, padding)| {
        Layer::Embedding(idinit::layer::Embedding { count, width, padding })
    });
    let attention = (0..3_u32, any::<bool>())
        .prop_map(|(heads, causal)| Layer::Attention(Attention { heads, causal }));
    prop_oneof![
        3 => attention,
        2 => embedding,
        1 => (0..8_u32).prop_map(|pixel| Layer::Select(idinit::layer::Select { pixel })),
        3 => Just(Layer::Concat(idinit::layer::Concat)),
        2 => Just(Layer::ChannelScale(idinit::layer::ChannelScale)),
        3 => (0..3_u32, 0..5_u32, any::<bool>()).prop_map(|(kind, hidden, reverse)| match kind {
            0 => Layer::Rnn(Rnn { hidden, reverse }),
            1 => Layer::Gru(Gru { hidden, reverse }),
            _ => Layer::Lstm(Lstm { hidden, reverse }),
        }),
        2 => prop_oneof![
            Just(Layer::Positions(idinit::layer::Positions)),
            Just(Layer::ClassToken(idinit::layer::ClassToken)),
            Just(Layer::RmsNorm(idinit::layer::RmsNorm { eps: 1e-3 })),
            Just(Layer::Dropout(idinit::layer::Dropout { probability: 0.25 })),
        ],
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let from = prop_oneof![4 => Just(None), 1 => any::<usize>().prop_map(Some)];
    let role = prop_oneof![Just(Role::Main), Just(Role::Branch), Just(Role::BranchEnd)];
    let step = (layers(), from, any::<usize>(), role, any::<bool>())
        .prop_map(|(layer, from, second, role, named)| Step { layer, from, second, role, named });
    prop::collection::vec(step, 0..ROOM + 2)
}

/// The graph of these steps. With `lenient`, a layer that does not fit is left out.
fn build(input: Shape, steps: &[Step], squared: bool, lenient: bool) -> Graph<ROOM> {
    let mut graph = Graph::draft(input);
    let mut values = vec![Value::INPUT];
    for step in steps {
        let pick = |i: usize| values[i % values.len()];
        let before = graph;
        if let Some(from) = step.from {
            graph = graph.at(pick(from));
        }
        // a second operand that fits, if there is one
        let here = graph.here();
        let fits = |value: &&Value| {
            let shapes = (graph.shape(here), graph.shape(**value));
            let (Some(x), Some(second)) = shapes else { return false };
            **value != here && step.layer.output(x, Some(second)).is_ok()
        };
        let fitting = values.iter().rev().filter(fits).nth(step.second % 3);
        let second = *fitting.unwrap_or(&pick(step.second));
        graph = match step.layer {
            Layer::Add(_) => graph.add(second),
            Layer::Concat(_) => graph.concat(second),
            Layer::ChannelScale(_) => graph.scale_channels(second),
            Layer::Attention(Attention { heads, causal }) if step.second.is_multiple_of(2) => {
                graph.masked_attention(heads, causal, second)
            }
            layer => graph.then(layer),
        };
        graph = graph.role(step.role);
        if step.named {
            graph = graph.name("named");
        }
        if lenient && graph.finish().is_err() {
            graph = before;
        } else {
            values.push(graph.here());
        }
    }
    if squared { graph.squared_error() } else { graph.cross_entropy(0.1) }
}

fn inputs() -> impl Strategy<Value = Shape> {
    // one channel may hold tokens
    let channels = prop_oneof![1 => Just(1_u32), 4 => 1..10_u32];
    (1..6_u32, 1..6_u32, channels).prop_map(|(h, w, c)| Shape::hwc(h, w, c))
}

fn trains() -> impl Strategy<Value = Trains> {
    prop_oneof![
        3 => Just(Trains::All), 1 => (0..3_u32).prop_map(Trains::Last),
        2 => Just(Trains::Only(&["named"])), 2 => Just(Trains::Vectors),
        2 => Just(Trains::Masked),
    ]
}

/// Trains and infers a few steps; every error but a panic is an answer.
fn run(case: &Case) {
    let Ok(plan) = Plan::checked(&case.graph, case.trains.mode::<Clip<Momentum>>(), case.planned)
    else {
        return;
    };
    let mut numbers = Numbers::of(case);
    let mut chance = Chance(case.seed);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    let update =
        Clip { update: Momentum { momentum: 0.9, decay: 1e-3, nesterov: true }, most: 1.0 };
    let mut engine = buffers.engine(&plan, update);
    for batch in 1..=case.planned {
        numbers.next_batch(case, batch, &mut chance);
        let _ = engine.train(&numbers.x, numbers.wanted.target(), 0.05);
        let mut y = vec![0.0; batch * case.graph.output().len()];
        engine.infer(&numbers.x, &mut y).unwrap();
        assert!(engine.all_weights().iter().all(|w| w.is_finite()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_graph_panics(
        input in (0..6_u32, 0..6_u32, 0..10_u32),
        steps in steps(),
        squared: bool,
        trains in trains(),
        planned in 1..4_usize,
        seed: u64,
        lenient: bool,
    ) {
        let (h, w, c) = input;
        let graph = build(Shape::hwc(h, w, c), &steps, squared, lenient);
        if let Ok(graph) = graph.finish() {
            run(&Case { name: "drawn", graph, planned, batch: planned, trains, seed });
        }
    }

    #[test]
    fn no_size_panics(
        sizes in any::<[u32; 3]>(),
        powers in (0..32_u32, 0..32_u32, 0..32_u32),
        out: u32, kernel: [u32; 2], stride: [u32; 2], padding: [u32; 2], groups: u32,
        batch: usize,
    ) {
        // sizes of every magnitude; nothing is run, only planned
        let input = Shape::hwc(sizes[0] >> powers.0, sizes[1] >> powers.1, sizes[2] >> powers.2);
        let conv = Layer::Conv2d(Conv2d { out, kernel, stride, padding, groups, bias: true });
        let pool = Layer::MaxPool(MaxPool { kernel, stride, padding });
        let shortcut = Layer::Shortcut(Shortcut { channels: out, stride: stride[0], padding: Padding::Around });
        let embedding = Layer::Embedding(idinit::layer::Embedding { count: out, width: groups, padding: false });
        let attention = Layer::Attention(Attention { heads: groups, causal: false });
        let select = Layer::Select(idinit::layer::Select { pixel: out });
        let token = Layer::ClassToken(idinit::layer::ClassToken);
        let dense = Layer::Dense(Dense { out, bias: true });
        for layer in [conv, pool, shortcut, dense, embedding, attention, select, token] {
            let graph = Graph::<4>::draft(input).then(layer).layer_norm().dense(3).cross_entropy(0.0);
            let _ = Plan::checked(&graph, Mode::train::<Momentum>(), batch);
            let _ = Plan::checked(&graph, Mode::INFER, batch.leading_zeros() as usize);
        }
    }

    #[test]
    fn no_plan_shares_what_is_still_needed(
        input in inputs(), steps in steps(), trains in trains(), planned in 1..4_usize, seed: u64,
    ) {
        // an arena of NaN and one of zeros: the same bits
        let graph = build(input, &steps, true, true);
        let case = Case { name: "drawn", graph, planned, batch: planned, trains, seed };
        let Ok(plan) = Plan::checked(&graph, trains.mode::<Sgd>(), planned) else { return Ok(()) };
        let numbers = Numbers::of(&case);
        let runs = [0.0, f32::NAN].map(|fill| {
            let mut buffers = Buffers::new(&plan, &numbers.w, fill);
            let mut engine = buffers.engine(&plan, Sgd::default());
            let loss = engine.train(&numbers.x, numbers.wanted.target(), 0.1);
            (loss.map(f32::to_bits).map_err(|error| error.to_string()), bits(engine.all_weights()))
        });
        prop_assert_eq!(&runs[0], &runs[1]);
    }
}

/// Random graphs, whose gradients are compared with central differences in one random direction: the
/// slope of the definition's loss along it is the sum of gradients times direction.
#[test]
fn random_graphs_have_the_gradients_of_their_definition() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRng, TestRunner};
    const STEP: f64 = 1e-6;
    let rng = TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut checked = [0; Kind::ALL.len()];
    for seed in 0..2000 {
        let drawn = (inputs(), steps(), trains()).new_tree(&mut runner).unwrap().current();
        let (input, steps, trains) = drawn;
        let graph = build(input, &steps, true, true);
        if Plan::checked(&graph, trains.mode::<Momentum>(), 3).is_err() {
            continue;
        }
        // a batch norm over one number is 0 / √ε: kinks everywhere
        let smooth = graph.nodes().iter().all(|node| match node.layer.kind() {
            Kind::BatchNorm => node.input.pixels() > 1,
            Kind::LayerNorm => node.input.channels > 1,
            // of what is not a token it makes NaN
            Kind::Embedding => node.from == Value::INPUT,
            _ => true,
        });
        let case = Case { name: "drawn", graph, planned: 3, batch: 3, trains, seed };
        let numbers = Numbers::of(&case);
        if !smooth || numbers.w.len() > 2000 {
            continue;
        }
        let (loss, g) = gradient(&case, &numbers);
        let plan = plan::<Momentum>(&case);
        let slots = plan.net().slots();
        let mut chance = Chance(seed);
        let mut direction = vec![0.0; numbers.w.len()];
        let (mut along, mut size) = (0.0, 0.0);
        for slot in slots.iter().filter(|slot| slot.trained.any() && slot.backward) {
            let moved = slot.moved.of(&g);
            let alone = slot.trained == Trained::Bias;
            let first = if alone { slot.weights.len as usize - moved.len() } else { 0 };
            for (i, g) in moved.iter().enumerate() {
                let d = f64::from(chance.within(-1.0, 1.0));
                direction[slot.weights.start as usize + first + i] = d;
                along += d * f64::from(*g);
                size += (d * f64::from(*g)).abs();
            }
        }
        let (w, x) = (wide(&numbers.w), wide(&numbers.x));
        let loss_at = |step: f64| {
            let w: Vec<f64> = w.iter().zip(&direction).map(|(w, d)| w + step * d).collect();
            let in_training = definition::in_training(graph.nodes(), slots);
            definition::loss_of(&graph, &w, &x, numbers.wanted.target(), &in_training)
        };
        let slope = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
        let allowed = tolerance(Against::Differences, graph.nodes());
        // kinks of rectifiers and maxima: a slope on one side only is as good
        let sides =
            [slope, (loss_at(STEP) - loss_at(0.0)) / STEP, (loss_at(0.0) - loss_at(-STEP)) / STEP];
        let scale = size.max(f64::from(loss)).max(1e-2);
        let found =
            sides.iter().any(|slope| difference(&[along], &[*slope], allowed, scale).is_none());
        let layers: Vec<_> = graph
            .nodes()
            .iter()
            .map(|node| (node.layer, node.from, node.second, node.name))
            .collect();
        assert!(found, "seed {seed}: {along} is none of {sides:?}\n{input} {trains:?} {layers:#?}");
        for (checked, &kind) in checked.iter_mut().zip(Kind::ALL) {
            *checked += usize::from(graph.uses().has(kind));
        }
        let Wanted::Values(_) = numbers.wanted else { panic!() };
    }
    for (checked, &kind) in checked.iter().zip(Kind::ALL) {
        assert!(*checked > 3, "{} in only {checked} graphs", kind.name());
    }
}
