//! A plan is checked by walking through a step with a shadow of the arena, in which each place holds
//! the name of the value that was last written there: whoever reads must find the name it looks for.
//! The walk knows the layers, and nothing of how the planner reckons lifetimes.

use super::*;
use crate::layer::{BatchNorm, Conv2d, Kind, Layer, MaxPool, PartKind, Trained};
use crate::model::{self, Activation};
use crate::shape::Shape;
use crate::update::{Clip, Momentum, Sgd};
use std::collections::HashSet;

/// What may lie in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Held {
    /// Nobody knows.
    Junk,
    /// The output of a layer.
    Output(usize),
    /// What a layer saved.
    Saved(usize),
    /// The gradient of a layer's output.
    Gradient(usize),
}

use Held::{Gradient, Junk, Output, Saved};

/// What the backward pass of a layer looks at: (input, output, saved). This is the definition, and
/// has no part in the planner.
fn looks_at(kind: Kind, trained: Trained) -> (bool, bool, bool) {
    match kind {
        Kind::Dense | Kind::Conv2d => (trained.all(), false, false),
        Kind::Multiplier | Kind::Gelu => (true, false, false),
        Kind::LayerNorm | Kind::RmsNorm | Kind::Embedding | Kind::Attention => (true, false, true),
        Kind::ChannelScale => (true, false, false),
        Kind::Dropout => (false, false, true),
        Kind::Rnn | Kind::Gru | Kind::Lstm => (true, false, true),
        Kind::BatchNorm => (trained.any(), false, trained.any()),
        Kind::Relu | Kind::LeakyRelu | Kind::Tanh | Kind::Sigmoid => (false, true, false),
        Kind::MaxPool | Kind::MaskedRelu => (false, false, true),
        Kind::Add
        | Kind::ScalarBias
        | Kind::AveragePool
        | Kind::GlobalAveragePool
        | Kind::Shortcut
        | Kind::Flatten
        | Kind::Positions
        | Kind::ClassToken
        | Kind::Select
        | Kind::Concat => (false, false, false),
    }
}

/// Whether input and output may be one.
fn may_share(kind: Kind) -> bool {
    use Kind::{Attention, ChannelScale, ClassToken, Concat, Embedding, Gru, Lstm, Rnn, Select};
    use Kind::{AveragePool, Conv2d, Dense, GlobalAveragePool, MaxPool, Shortcut};
    !matches!(kind, Dense | Conv2d | MaxPool | AveragePool | GlobalAveragePool | Shortcut)
        && !matches!(kind, Embedding | ClassToken | Select | Concat | ChannelScale | Attention)
        && !matches!(kind, Rnn | Gru | Lstm)
}

struct Shadow {
    arena: Vec<Held>,
}

impl Shadow {
    fn write(&mut self, span: Span, held: Held) {
        self.arena[span.range()].fill(held);
    }

    #[track_caller]
    fn read(&self, span: Span, held: Held) {
        assert!(!span.is_empty(), "{held:?} has no place");
        let there = &self.arena[span.range()];
        let other = there.iter().find(|&&there| there != held);
        assert_eq!(other, None, "in the place of {held:?}");
    }
}

fn disjoint(spans: &[Span]) {
    for (i, a) in spans.iter().enumerate() {
        for b in spans[..i].iter().filter(|b| !b.is_empty() && !a.is_empty()) {
            assert!(a.end() <= b.start as usize || b.end() <= a.start as usize, "{a:?} {b:?}");
        }
    }
}

/// Walks through a step of a plan (or through an inference) and checks what each pass finds.
fn walk(net: Net<'_>) {
    let (nodes, slots, n) = (net.nodes(), net.slots(), net.nodes().len());
    let mut shadow = Shadow { arena: vec![Junk; net.arena()] };
    let place = |value: Value| value.node().map(|k| slots[k].y);
    for (k, (node, slot)) in nodes.iter().zip(slots).enumerate() {
        assert_eq!(slot.y.len as usize, node.output.len() * net.batch());
        let operands = [Some(node.from), node.second];
        for value in operands.into_iter().flatten() {
            if let Some(from) = value.node() {
                shadow.read(slots[from].y, Output(from));
            }
        }
        let mut apart = vec![slot.y, slot.saved];
        apart.extend(node.second.and_then(place));
        match place(node.from) {
            Some(x) if x == slot.y => assert!(may_share(node.layer.kind()), "layer {k}"),
            x => apart.extend(x),
        }
        disjoint(&apart);
        shadow.write(slot.y, Output(k));
        let drops = node.layer.kind() == Kind::Dropout && net.trains;
        if drops || slot.backward && looks_at(node.layer.kind(), slot.trained).2 {
            assert!(!slot.saved.is_empty(), "layer {k} has nowhere to save");
            shadow.write(slot.saved, Saved(k));
        }
    }
    shadow.read(slots[n - 1].y, Output(n - 1));
    if slots.iter().any(|slot| slot.backward) {
        walk_back(net, &mut shadow);
    }
}

fn walk_back(net: Net<'_>, shadow: &mut Shadow) {
    let (nodes, slots, n) = (net.nodes(), net.slots(), net.nodes().len());
    shadow.write(slots[n - 1].dy, Gradient(n - 1));
    let mut begun = HashSet::from([n - 1]);
    for k in (0..n).rev().filter(|&k| slots[k].backward) {
        let (node, slot) = (&nodes[k], &slots[k]);
        assert!(begun.contains(&k), "layer {k} goes backward without a gradient");
        shadow.read(slot.dy, Gradient(k));
        let (x, y, saved) = looks_at(node.layer.kind(), slot.trained);
        let mut apart = vec![slot.dy];
        for operand in [Some(node.from), node.second].into_iter().flatten() {
            if let (true, Some(from)) = (x, operand.node()) {
                shadow.read(slots[from].y, Output(from));
                apart.push(slots[from].y);
            }
        }
        if y {
            shadow.read(slot.y, Output(k));
            apart.push(slot.y);
        }
        if saved {
            shadow.read(slot.saved, Saved(k));
            apart.push(slot.saved);
        }
        let operands = [Some(node.from), node.second].into_iter().flatten();
        for from in operands.filter_map(Value::node).filter(|&from| slots[from].backward) {
            let dx = slots[from].dy;
            assert_eq!(dx.len, slots[from].y.len, "the gradient of layer {from}");
            if !begun.insert(from) {
                shadow.read(dx, Gradient(from));
            }
            if dx == slot.dy {
                assert!(may_share(node.layer.kind()) && Some(from) == node.from.node());
            } else {
                apart.push(dx);
            }
            shadow.write(dx, Gradient(from));
        }
        disjoint(&apart);
    }
}

const PICTURE: Shape = Shape::hwc(8, 8, 1);

fn n1() -> Graph<3> {
    model::mlp(Graph::input(Shape::vector(64)), &[32], Activation::Relu, 10)
}

fn n2() -> Graph<6> {
    model::cnn(Graph::input(PICTURE), 8, 10)
}

fn residual() -> Graph<25> {
    model::residual(Graph::input(PICTURE), 8, 4, 10)
}

/// A value used three times, a branch that leads nowhere, norms, and a second operand before the
/// first.
fn tangled() -> Graph<16> {
    let g = Graph::input(Shape::hwc(4, 4, 3)).conv2d(3, 3).name("stem");
    let stem = g.here();
    let g = g.batch_norm().name("norm").relu().add(Value::INPUT);
    let a = g.here();
    let g = g.at(stem).tanh().conv2d(5, 3).at(stem).layer_norm().sigmoid().add(a);
    let g = g
        .then(Layer::MaxPool(MaxPool { kernel: [2, 2], stride: [1, 1], padding: [0, 0] }))
        .multiplier();
    let b = g.here();
    g.gelu().scalar_bias().add(b).dense(3).name("head").squared_error()
}

/// Layers of two operands: a trained and a frozen one on either side, values that are used again, a
/// mask that a layer puts out; and dropout in front of all.
fn paired() -> Graph<16> {
    let g = Graph::input(Shape::hwc(2, 2, 3)).dropout(0.5).conv2d(6, 3).name("stem");
    let stem = g.here();
    let g = g.at(Value::INPUT).conv2d(1, 3).name("norm").relu();
    let mask = g.here();
    let g = g.at(stem).masked_attention(2, false, mask).dropout(0.5).concat(mask);
    let both = g.here();
    let g = g.global_average_pool().sigmoid();
    let scales = g.here();
    let g = g.at(both).scale_channels(scales).concat(Value::INPUT).rms_norm().class_token();
    g.positions().select(1).dense(3).name("head").squared_error()
}

fn modes<U: Update>() -> [Mode; 11] {
    let train = Mode::train::<U>();
    [
        Mode::INFER,
        train,
        train.last(1),
        train.last(2),
        train.only(&["stem"]),
        train.only(&["norm", "head"]),
        train.only(&["head"]),
        train.vectors(),
        train.last(2).vectors(),
        train.masked(),
        train.vectors().masked(),
    ]
}

use crate::update::Update;

fn walk_all<const N: usize>(graph: &Graph<N>) -> usize {
    let all = modes::<Momentum>().into_iter().chain(modes::<Clip<Sgd>>());
    let mut walked = 0;
    for mode in all {
        for batch in [1, 3] {
            if let Ok(plan) = Plan::checked(graph, mode, batch) {
                walk(plan.net());
                walked += 1;
            }
        }
    }
    walked
}

#[test]
fn every_pass_finds_what_it_looks_for() {
    // a graph without the names is planned for inference, for all, and for the last layers
    assert_eq!(walk_all(&n1()), 32);
    assert_eq!(walk_all(&n2()), 32);
    assert_eq!(walk_all(&residual()), 44);
    assert_eq!(walk_all(&tangled()), 44);
    assert_eq!(walk_all(&paired()), 44);
}

#[test]
fn the_shadow_sees_what_is_wrong() {
    let graph = residual();
    let plan = Plan::new(&graph, Mode::train::<Sgd>(), 1);
    let broken = |change: &dyn Fn(&mut [Slot])| {
        let mut slots = plan.slots;
        change(&mut slots);
        let net = Net { slots: &slots[..plan.net().slots.len()], ..plan.net() };
        std::panic::catch_unwind(|| walk(net)).is_err()
    };
    assert!(!broken(&|_| {}));
    // an output on the place of one that is still to be read, a gradient on an output, a gradient
    // on another
    assert!(broken(&|slots| slots[4].y = slots[1].y));
    assert!(broken(&|slots| slots[5].dy = slots[2].y));
    assert!(broken(&|slots| slots[3].dy = slots[5].dy));
}

#[test]
fn weights_and_state_are_laid_without_gaps() {
    for mode in modes::<Momentum>() {
        let graph = tangled();
        let plan = Plan::new(&graph, mode, 2);
        let (mut weights, mut moved) = (0, 0);
        for (node, slot) in plan.net().nodes().iter().zip(plan.net().slots()) {
            let (mut all, mut movable) = (0, 0);
            for part in (0..).map_while(|i| node.layer.part(node.input, i)) {
                all += part.dims.len();
                let alone = slot.trained == Trained::Bias;
                let moves =
                    if alone { part.kind == PartKind::Bias } else { part.kind.is_trained() };
                movable += if moves { part.dims.len() } else { 0 };
            }
            assert_eq!((slot.weights.start as usize, slot.weights.len as usize), (weights, all));
            weights += all;
            if slot.trained.any() {
                assert_eq!((slot.moved.start as usize, slot.moved.len as usize), (moved, movable));
                moved += movable;
            } else {
                assert!(slot.moved.is_empty() && (all == 0 || !slot.trained.any()));
            }
        }
        assert_eq!((plan.weights, plan.state, plan.net().trained()), (weights, moved, moved));
    }
}

/// The sizes of the networks that are measured, in numbers. Each sum is the places that are taken at
/// the moment when most are.
#[test]
fn the_sizes_of_known_networks() {
    let sizes = |weights, state, arena| [weights, state, arena];
    fn of<const N: usize>(graph: &Graph<N>, mode: Mode) -> [usize; 3] {
        let plan = Plan::new(graph, mode, 1);
        [plan.weights, plan.state, plan.arena]
    }
    // N1, 64-32-10: inference holds the hidden layer and the outputs. In training, the gradient of
    // the outputs takes their place (10), and that of the hidden layer is one for dense and relu (32)
    let w1 = 64 * 32 + 32 + 32 * 10 + 10;
    assert_eq!(of(&n1(), Mode::INFER), sizes(w1, 0, 32 + 10));
    assert_eq!(of(&n1(), Mode::train::<Sgd>()), sizes(w1, 0, 32 + 10 + 32));
    assert_eq!(of(&n1(), Mode::train::<Momentum>()), sizes(w1, w1, 32 + 10 + 32));
    assert_eq!(of(&n1(), Mode::train::<Clip<Momentum>>()), sizes(w1, 2 * w1, 32 + 10 + 32));
    // N2, 8×8×1: inference holds both convolutions' outputs, 512 each. In training, the backward pass
    // of the second convolution holds the first's output and two gradients of 512; all that is
    // smaller finds its place among them
    let w2 = (9 * 8 + 8) + (9 * 8 * 8 + 8) + (128 * 10 + 10);
    assert_eq!(of(&n2(), Mode::INFER), sizes(w2, 0, 512 + 512));
    assert_eq!(of(&n2(), Mode::train::<Sgd>()), sizes(w2, 0, 3 * 512));
    // residual, 4 blocks of 8 channels on 8×8: inference holds the skip, the branch and the sum. In
    // training, 9 outputs live until their convolutions' backward passes, and the last of these
    // holds two gradients; the pool's output, winners and gradient (128 each) and the outputs (10)
    // lie before those, where they left a gap that is too small
    let wr = (9 * 8 + 8) + 8 * (9 * 8 * 8 + 8) + (128 * 10 + 10);
    let training = 9 * 512 + 2 * 512 + 3 * 128 + 10;
    assert_eq!(of(&residual(), Mode::INFER), sizes(wr, 0, 3 * 512));
    assert_eq!(of(&residual(), Mode::train::<Sgd>()), sizes(wr, 0, training));
}

#[test]
fn training_less_costs_less() {
    let graph = residual();
    let plan = |mode| Plan::new(&graph, mode, 4);
    let train = Mode::train::<Momentum>();
    let all = plan(train);
    let head = plan(train.last(1));
    let named = plan(train.only(&["head"]));
    let infer = plan(Mode::INFER);
    let head_weights = 128 * 10 + 10;
    assert_eq!((head.state, named.state), (head_weights, head_weights));
    assert_eq!((head.arena, named.arena), (infer.arena, infer.arena));
    assert_eq!(all.weights, head.weights);
    let mut before = head;
    for count in 2..=10 {
        let plan = plan(train.last(count));
        assert!(plan.arena >= before.arena && plan.state > before.state, "the last {count}");
        before = plan;
    }
    assert_eq!((before.arena, before.state), (all.arena, all.state));
    // a rectifier looks at what it put out, which is what the next convolution takes in
    let vectors = plan(train.vectors());
    assert_eq!((vectors.arena, all.arena, vectors.state), (23_552, 24_104, 9 * 8 + 10));
    // or at its bits: beside what inference holds, there are those of 9 rectifiers, the pool's winners and gradient,
    // and the outputs
    let masked = plan(train.vectors().masked());
    let bits = 9 * 512_usize.div_ceil(30);
    assert_eq!(masked.arena, infer.arena + 4 * (bits + 2 * 128 + 10));
    assert_eq!(masked.state, vectors.state);
    let stem = plan(train.only(&["stem"]));
    assert_eq!(stem.state, 9 * 8 + 8);
    assert!(stem.net().slots().iter().skip(1).all(|slot| !slot.trained.any() && slot.backward));
}

#[test]
fn a_batch_multiplies_the_arena_and_nothing_else() {
    fn check<const N: usize>(graph: &Graph<N>, mode: Mode) {
        let one = Plan::new(graph, mode, 1);
        for batch in [2, 7, 64] {
            let many = Plan::new(graph, mode, batch);
            assert_eq!((many.weights, many.state), (one.weights, one.state));
            assert_eq!(many.arena, one.arena * batch);
        }
    }
    for mode in [Mode::INFER, Mode::train::<Momentum>()] {
        check(&n1(), mode);
        check(&n2(), mode);
        check(&residual(), mode);
    }
}

/// A plan's peak lies near what it must hold at least: all values at once that some pass holds.
#[test]
fn depth_does_not_cost_inference_anything() {
    let deep: Graph<65> = model::residual(Graph::input(PICTURE), 8, 12, 10);
    let shallow = residual();
    let arena = Plan::new(&shallow, Mode::INFER, 1).arena;
    assert_eq!(Plan::new(&deep, Mode::INFER, 1).arena, arena);
}

#[test]
fn what_is_frozen_keeps_its_weights() {
    moves_what_is_trained(&tangled(), 96);
    moves_what_is_trained(&paired(), 24);
}

/// Three steps over two examples of `inputs` numbers together, in every mode.
fn moves_what_is_trained(graph: &Graph<16>, inputs: usize) {
    use crate::engine::{Engine, Memory, Portable};
    use crate::layer::All;
    use crate::loss::Target;
    for mode in modes::<Momentum>().into_iter().filter(|mode| mode.trains()) {
        let plan = Plan::new(graph, mode, 2);
        let start: Vec<f32> =
            (0..plan.weights).map(|i| 0.3 + (i * 37 % 41) as f32 / 64.0).collect();
        let (mut weights, mut state) = (start.clone(), vec![0.0; plan.state]);
        let mut arena = vec![f32::NAN; plan.arena];
        let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
        let update = Momentum { momentum: 0.9, decay: 0.1, nesterov: false };
        let mut engine = Portable::<All, _>::new(plan.net(), update, memory).unwrap();
        let x: Vec<f32> = (0..inputs).map(|i| (i * 29 % 31) as f32 / 16.0 - 1.0).collect();
        for _ in 0..3 {
            let result = engine.train(&x, Target::Values(&[0.5; 6]), 1e-4);
            assert!(result.is_ok(), "{mode:?}: {result:?}");
        }
        for (k, slot) in plan.net().slots().iter().enumerate() {
            let (now, then) = (slot.weights.of(&weights), slot.weights.of(&start));
            let same = now.iter().zip(then).all(|(a, b)| a.to_bits() == b.to_bits());
            // (the convolution that leads nowhere has no gradient)
            assert_eq!(same, !(slot.trained.any() && slot.backward), "layer {k} with {mode:?}");
        }
    }
}

#[test]
fn what_cannot_be_planned_says_why() {
    let graph = n1();
    let train = Mode::train::<Sgd>();
    let error = |graph: &Graph<3>, mode, batch| Plan::checked(graph, mode, batch).unwrap_err();
    assert_eq!(error(&graph, train, 0), PlanError::Batch);
    assert_eq!(error(&graph, Mode::INFER, 0), PlanError::Batch);
    assert_eq!(error(&graph, train, u32::MAX as usize), PlanError::TooLarge);
    assert_eq!(error(&graph, train, usize::MAX), PlanError::TooLarge);
    assert_eq!(error(&graph, train.last(0), 1), PlanError::Nothing);
    assert_eq!(error(&graph, train.only(&[]), 1), PlanError::Nothing);
    assert_eq!(error(&graph, train.only(&["nobody"]), 1), PlanError::Nothing);
    let lossless = Graph::input(Shape::vector(4)).dense(3).relu();
    assert_eq!(error(&lossless, train, 1), PlanError::Loss);
    assert!(Plan::checked(&lossless, Mode::INFER, 1).is_ok());
    let weightless = Graph::input(Shape::vector(4)).relu().squared_error();
    assert_eq!(error(&weightless, train, 1), PlanError::Nothing);
    let empty = Graph::draft(Shape::vector(4));
    assert_eq!(error(&empty, Mode::INFER, 1), PlanError::Graph(GraphError::Empty));
    let misfit = Graph::draft(Shape::vector(4)).max_pool(2);
    let PlanError::Graph(GraphError::Layer { node: 0, .. }) = error(&misfit, Mode::INFER, 1) else {
        panic!("a draft is planned only when it is finished");
    };
    // 17 layers of nearly 2^28 weights: more than 2^32 of them, which cannot be counted
    let mut large = Graph::<17>::draft(Shape::vector(1 << 14));
    for _ in 0..17 {
        large = large.then(Layer::Dense(crate::layer::Dense { out: (1 << 14) - 1, bias: false }));
    }
    let error = Plan::checked(&large, Mode::INFER, 1).unwrap_err();
    assert_eq!(error, PlanError::TooLarge);
    // as many weights as can be counted, but not twice as many numbers of state
    let mut half = Graph::<17>::draft(Shape::vector(1 << 14)).squared_error();
    for _ in 0..9 {
        half = half.then(Layer::Dense(crate::layer::Dense { out: (1 << 14) - 1, bias: false }));
    }
    assert!(Plan::checked(&half, Mode::train::<Momentum>(), 1).is_ok());
    let error = Plan::checked(&half, Mode::train::<Clip<Momentum>>(), 1).unwrap_err();
    assert_eq!(error, PlanError::TooLarge);
    assert_eq!(error.to_string(), error.message());
}

#[test]
fn a_plan_can_be_a_constant() {
    const NET: Graph<3> =
        Graph::input(Shape::vector(2)).dense(4).relu().dense(2).cross_entropy(0.0);
    const PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Momentum>(), 2);
    static ARENA: [f32; PLAN.arena] = [0.0; PLAN.arena];
    assert_eq!((PLAN.weights, PLAN.state, ARENA.len()), (22, 22, 2 * (4 + 2 + 4)));
}

#[test]
fn a_frozen_norm_keeps_nothing() {
    let graph: Graph<3> = Graph::input(Shape::vector(4))
        .dense(5)
        .name("first")
        .then(Layer::BatchNorm(BatchNorm { eps: 1e-5, momentum: 0.1 }))
        .dense(2)
        .squared_error();
    let train = Mode::train::<Sgd>();
    let (all, first) = (Plan::new(&graph, train, 3), Plan::new(&graph, train.only(&["first"]), 3));
    assert_eq!(all.slots[1].saved.len, 4 * 5);
    assert!(first.slots[1].saved.is_empty());
    // frozen, it works in the place of its input
    assert_eq!(first.slots[1].y, first.slots[0].y);
    assert_ne!(all.slots[1].y, all.slots[0].y);
}

#[test]
fn a_table_has_a_line_for_each_layer_and_the_totals() {
    let graph = n2();
    let plan = Plan::new(&graph, Mode::train::<Sgd>(), 1);
    let table = Table(plan.net()).to_string();
    assert_eq!(table.lines().count(), 1 + 6 + 1 + 4, "{table}");
    assert!(table.contains("conv2d") && table.contains("max_pool"), "{table}");
    let total = 4 * (plan.weights + plan.state + plan.arena);
    assert!(table.ends_with(&format!("{total} bytes")), "{table}");
    assert!(
        table.lines().any(
            |line| line.starts_with("arena") && line.contains(&format!(" {} ", 4 * plan.arena))
        )
    );
}

#[test]
fn a_convolution_without_a_bias_has_no_bias() {
    let conv = Conv2d { bias: false, ..Conv2d::same(8, 3) };
    let graph: Graph<1> = Graph::input(PICTURE).then(Layer::Conv2d(conv));
    assert_eq!(Plan::new(&graph, Mode::INFER, 1).weights, 72);
}
