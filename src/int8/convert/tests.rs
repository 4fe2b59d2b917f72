use super::*;
use crate::engine::{Engine, Memory, Portable};
use crate::graph::{Graph, Node, Role, Value};
use crate::init::{IdInit, Initial};
use crate::int8::{Every, Int8, Op, Weights};
use crate::layer::{All, AveragePool, Conv2d, Kind, Layer, MaxPool};
use crate::loss::Target;
use crate::plan::{Mode, Plan};
use crate::rule::philox;
use crate::shape::Shape;
use crate::update::Sgd;
use std::string::ToString;
use std::vec::Vec;

/// A number in −1 … 1 that depends on two others.
fn draw(a: u32, b: u32) -> f32 {
    let [bits, ..] = philox([a, b, 0, 0], [8, 8]);
    (bits >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn drawn(n: usize, seed: u32) -> Vec<f32> {
    (0..n as u32).map(|i| draw(i, seed)).collect()
}

/// Drawn weights; gains and variances are positive.
fn weights(nodes: &[Node]) -> Vec<f32> {
    use crate::layer::PartKind::{Gain, RunningVariance};
    crate::init::tensors(nodes)
        .flat_map(|tensor| {
            let positive = matches!(tensor.part.kind, Gain | RunningVariance);
            let row = tensor.part.dims.row() as f32;
            let numbers = drawn(tensor.part.dims.len(), tensor.start as u32);
            numbers
                .into_iter()
                .map(move |w| if positive { 1.0 + w / 2.0 } else { w / row.max(4.0) * 3.0 })
        })
        .collect()
}

fn seen(nodes: &[Node], weights: &[f32]) -> Ranges {
    let mut ranges = Ranges::new(nodes);
    let input = nodes[0].input.len();
    (0..32).for_each(|seed| ranges.see(nodes, weights, &drawn(input, 100 + seed)).unwrap());
    ranges
}

/// What a quantised network puts out for an input, and the network in f32.
fn both(nodes: &[Node], weights: &[f32], quantized: &Quantized, x: &[f32]) -> [Vec<f32>; 2] {
    let lent = quantized.lend().unwrap();
    let mut arena = std::vec![77; lent.arena()];
    let mut engine = Int8::<Every>::new(lent.net(), &mut arena).unwrap();
    let mut y = std::vec![0.0; lent.model().output().len()];
    engine.infer(x, &mut y).unwrap();
    [y, forward(nodes, weights, x).unwrap().pop().unwrap()]
}

/// The largest difference, as a part of the largest output, over some inputs.
fn off(nodes: &[Node]) -> f32 {
    let weights = weights(nodes);
    let quantized =
        Quantized::of(nodes, &weights, &seen(nodes, &weights), &Options::default()).unwrap();
    let (mut worst, mut most) = (0.0_f32, 0.0_f32);
    for seed in 0..16 {
        let x = drawn(nodes[0].input.len(), 100 + seed);
        let [got, want] = both(nodes, &weights, &quantized, &x);
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(&want) {
            (worst, most) = (worst.max((got - want).abs()), most.max(want.abs()));
        }
    }
    worst / most
}

#[test]
fn networks_of_every_layer_stay_near_their_numbers() {
    let conv = |out, kernel: [u32; 2], stride, padding, groups| {
        Layer::Conv2d(Conv2d { out, kernel, stride, padding, groups, bias: true })
    };
    let pool = |kernel, stride, padding| Layer::MaxPool(MaxPool { kernel, stride, padding });
    let g = Graph::<12>::input(Shape::hwc(7, 5, 3)).then(conv(6, [3, 3], [2, 1], [1, 1], 1)).relu();
    // depthwise by two filters, a pixel at a time, groups, a padding that is larger than the kernel needs
    let g = g.then(conv(12, [3, 2], [1, 1], [1, 0], 6)).batch_norm().relu();
    let g = g.then(conv(7, [1, 1], [1, 1], [0, 0], 1)).then(pool([3, 3], [2, 2], [1, 1])).relu();
    let g = g.then(conv(14, [2, 2], [1, 1], [2, 2], 7)).global_average_pool().dense(5);
    assert!(off(g.nodes()) < 0.06, "{}", off(g.nodes()));

    // residual sums, one with a rectifier behind it, one whose operand others take too
    let g = Graph::<12>::input(Shape::hwc(4, 4, 5)).conv2d(5, 3).batch_norm().relu();
    let skip = g.here();
    let g = g.conv2d(5, 3).relu().conv2d(5, 3).batch_norm().add(skip).relu();
    let g = g.then(Layer::AveragePool(AveragePool { kernel: [2, 2], stride: [2, 2] }));
    assert!(off(g.flatten().dense(3).nodes()) < 0.05);

    // a rectifier alone, since its input is taken twice
    let g = Graph::<6>::input(Shape::vector(9)).dense(6);
    let both = g.here();
    assert!(off(g.relu().add(both).dense(6).add(both).nodes()) < 0.05);
    assert!(off(Graph::<1>::input(Shape::vector(1)).dense(1).nodes()) < 0.02);
    assert!(
        off(Graph::<2>::input(Shape::hwc(1, 1, 1)).conv2d(1, 1).add(Value::INPUT).nodes()) < 0.03
    );
}

/// A network where every rule has its place: identities and differences, dense, over patches and grouped.
fn started() -> Graph<12> {
    let half = Conv2d { groups: 2, stride: [2, 2], ..Conv2d::same(8, 3) };
    let g = Graph::input(Shape::hwc(6, 6, 2)).conv2d(4, 3).relu();
    let skip = g.here();
    let g = g.conv2d(4, 3).role(Role::Branch).relu().conv2d(4, 3).role(Role::BranchEnd).add(skip);
    let g = g.relu().then(Layer::Conv2d(half)).relu().dense(7).relu().dense(3);
    g.role(Role::Head).cross_entropy(0.0)
}

#[test]
fn weights_by_rule_have_the_bits_of_stored_ones() {
    let graph = started();
    let nodes = graph.nodes();
    for scheme in [IdInit::PAPER, IdInit::DIAGONAL, IdInit { eps: 0.5, ..IdInit::PAPER }] {
        let initial: Initial<'_, IdInit> = Initial::new(nodes, scheme);
        let mut start = std::vec![0.0; initial.len()];
        initial.fill_window(0, &mut start).unwrap();
        let ranges = seen(nodes, &start);
        let rules = rules(nodes, scheme);
        let by_rule = Options { rules: &rules, softmax: true };
        let by_rule = Quantized::of(nodes, &start, &ranges, &by_rule).unwrap();
        let stored = Options { softmax: true, ..Options::default() };
        let stored = Quantized::of(nodes, &start, &ranges, &stored).unwrap();
        let ruled = |quantized: &Quantized| {
            let lent = quantized.lend().unwrap();
            let rule = |layer: &crate::int8::Layer<'_>| {
                matches!(layer.linear().map(|linear| linear.weights), Some(Weights::Rule(_)))
            };
            lent.model().layers.iter().filter(|layer| rule(layer)).count()
        };
        assert_eq!((ruled(&by_rule), ruled(&stored)), (6, 0));
        for seed in 0..20 {
            let x = drawn(72, seed);
            assert_eq!(
                both(nodes, &start, &by_rule, &x)[0],
                both(nodes, &start, &stored, &x)[0],
                "{scheme:?}"
            );
        }
    }
}

#[test]
fn a_depthwise_rule_has_the_bits_of_stored_weights() {
    let each = Conv2d { groups: 6, ..Conv2d::same(12, 3) };
    let graph = Graph::<1>::input(Shape::hwc(5, 4, 6)).then(Layer::Conv2d(each));
    let nodes = graph.nodes();
    let initial: Initial<'_, IdInit> = Initial::new(nodes, IdInit::PAPER);
    let mut start = std::vec![0.0; initial.len()];
    initial.fill_window(0, &mut start).unwrap();
    let (ranges, rules) = (seen(nodes, &start), rules(nodes, IdInit::PAPER));
    let by_rule = Options { rules: &rules, softmax: false };
    let by_rule = Quantized::of(nodes, &start, &ranges, &by_rule).unwrap();
    let stored = Quantized::of(nodes, &start, &ranges, &Options::default()).unwrap();
    assert_ne!(by_rule, stored);
    let x = drawn(120, 1);
    assert_eq!(both(nodes, &start, &by_rule, &x)[0], both(nodes, &start, &stored, &x)[0]);
}

#[test]
fn a_trained_layer_is_stored() {
    let graph = started();
    let nodes = graph.nodes();
    let initial: Initial<'_, IdInit> = Initial::new(nodes, IdInit::PAPER);
    let mut weights = std::vec![0.0; initial.len()];
    initial.fill_window(0, &mut weights).unwrap();
    weights[5] += 1e-3;
    let rules = rules(nodes, IdInit::PAPER);
    let options = Options { rules: &rules, softmax: false };
    let quantized = Quantized::of(nodes, &weights, &seen(nodes, &weights), &options).unwrap();
    let lent = quantized.lend().unwrap();
    let first = lent.model().layers[0].linear().unwrap().weights;
    assert!(matches!(first, Weights::Stored(_)));
}

#[test]
fn a_head_learns_in_f32_on_a_frozen_int8_backbone() {
    use crate::data::digits;
    // the backbone: its value behind the maximum is what the head sees
    let graph = crate::model::cnn(Graph::<6>::input(Shape::hwc(8, 8, 1)), 8, 10);
    let nodes = graph.nodes();
    let initial: Initial<'_, IdInit> = Initial::new(nodes, IdInit::PAPER);
    let mut start = std::vec![0.0; initial.len()];
    initial.fill_window(0, &mut start).unwrap();
    let mut ranges = Ranges::new(nodes);
    let mut x = [0.0; 64];
    for k in 0..50 {
        digits::image(digits::train(k), &mut x).unwrap();
        ranges.see(nodes, &start, &x).unwrap();
    }
    let rules = rules(nodes, IdInit::PAPER);
    let options = Options { rules: &rules, softmax: false };
    let quantized = Quantized::of(nodes, &start, &ranges, &options).unwrap();
    let lent = quantized.lend().unwrap();
    let mut arena = std::vec![0; lent.arena()];
    let mut backbone = Int8::<Every>::new(lent.net(), &mut arena).unwrap();
    let features = lent.model().layers.iter().position(|layer| matches!(layer.op, Op::MaxPool(_)));
    let value = features.unwrap() + 1;

    let head = Graph::<1>::input(Shape::vector(128)).dense(10).cross_entropy(0.0);
    let plan = Plan::new(&head, Mode::train::<Sgd>(), 1);
    let (mut weights, mut arena) = (std::vec![0.0; plan.weights], std::vec![0.0; plan.arena]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let mut head = Portable::<All, _>::new(plan.net(), Sgd::default(), memory).unwrap();
    let mut seen = std::vec![0.0; 128];
    for k in 0..1200 {
        let label = digits::image(digits::train(k), &mut x).unwrap();
        backbone.features(value, &x, &mut seen).unwrap();
        head.train(&seen, Target::Labels(&[label]), 0.01).unwrap();
    }
    let (mut right, mut y) = (0, [0.0; 10]);
    for k in 0..100 {
        let label = digits::image(digits::test(k), &mut x).unwrap();
        backbone.features(value, &x, &mut seen).unwrap();
        head.infer(&seen, &mut y).unwrap();
        let best = (1..10).fold(0, |best, i| if y[i] > y[best] { i } else { best });
        right += usize::from(best == label as usize);
    }
    assert!(right >= 80, "{right}");
}

#[test]
fn values_that_are_alive_together_lie_apart() {
    let graph = started();
    let nodes = graph.nodes();
    let weights = weights(nodes);
    let options = Options { softmax: true, ..Options::default() };
    let quantized = Quantized::of(nodes, &weights, &seen(nodes, &weights), &options).unwrap();
    let lent = quantized.lend().unwrap();
    // each layer's features are the same, whether those before it ran into fresh memory or not
    let mut arena = std::vec![1; lent.arena()];
    let mut engine = Int8::<Every>::new(lent.net(), &mut arena).unwrap();
    let x = drawn(72, 5);
    let all: usize = lent.model().layers.iter().map(|layer| layer.output.len()).sum();
    assert!(lent.arena() < all, "{} of {all}", lent.arena());
    let values = forward(nodes, &weights, &x).unwrap();
    for layer in 0..lent.model().layers.len() - 1 {
        let want = quantized.real(layer, &values);
        let mut got = std::vec![0.0; want.len()];
        engine.features(layer + 1, &x, &mut got).unwrap();
        let most = want.iter().fold(1e-9_f32, |most, x| most.max(x.abs()));
        let worst = got.iter().zip(&want).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(worst < 0.06 * most, "layer {layer}: {worst} of {most}");
    }
}

#[test]
fn what_has_no_int8_form_is_refused_by_number() {
    let of = |graph: &Graph<4>| {
        let weights = weights(graph.nodes());
        let ranges = seen(graph.nodes(), &weights);
        Quantized::of(graph.nodes(), &weights, &ranges, &Options::default())
    };
    let input = || Graph::<4>::input(Shape::vector(4));
    let error = of(&input().dense(4).tanh()).unwrap_err();
    assert_eq!(error, ConvertError::Layer { node: 1, kind: Kind::Tanh });
    assert!(error.to_string().contains("in f32"), "{error}");
    assert_eq!(of(&input().batch_norm()).unwrap_err(), ConvertError::Norm { node: 0 });
    let g = input().dense(4);
    let skip = g.here();
    let g = g.batch_norm().add(skip);
    assert_eq!(of(&g).unwrap_err(), ConvertError::Norm { node: 1 });

    let graph = input().dense(2);
    let (nodes, weights) = (graph.nodes(), weights(graph.nodes()));
    let none = Ranges::new(nodes);
    let options = Options::default();
    assert_eq!(Quantized::of(nodes, &weights, &none, &options), Err(ConvertError::NoData));
    let ranges = seen(nodes, &weights);
    let short = Quantized::of(nodes, &weights[1..], &ranges, &options);
    assert_eq!(short, Err(ConvertError::Weights { need: 10, got: 9 }));
    let mut odd = weights.clone();
    odd[3] = f32::NAN;
    let odd = Quantized::of(nodes, &odd, &ranges, &options);
    assert_eq!(odd, Err(ConvertError::NotFinite { node: Some(0) }));
}
