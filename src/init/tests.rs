//! Which rule goes where, and what it writes.
#![allow(clippy::disallowed_methods, reason = "the reference is the host's arithmetic")]

use super::*;
use crate::graph::{Graph, Value};
use crate::layer::{Conv2d, Kind};
use crate::model::{self, Activation};
use crate::plan::{Mode, Plan};
use crate::recipe::Fingerprint;
use crate::rule::{Dims, EPS, Fan, Order, Orthogonal, Random, Rule, gain};
use crate::shape::Shape;
use core::f32::consts::SQRT_2;

pub(super) const PICTURE: Shape = Shape::hwc(8, 8, 1);

/// A residual network with norms and the scalars of Fixup: two branches of two convolutions.
pub(super) fn residual() -> Graph<32> {
    let mut g = Graph::input(PICTURE).conv2d(4, 3).batch_norm().relu();
    for _ in 0..2 {
        let skip = g.here();
        g = g.scalar_bias().conv2d(4, 3).role(Role::Branch).batch_norm().relu();
        g = g.conv2d(4, 3).role(Role::BranchEnd).batch_norm().multiplier().add(skip).relu();
    }
    g.global_average_pool().layer_norm().dense(10).role(Role::Head).cross_entropy(0.0)
}

pub(super) fn plain(activation: Activation) -> Graph<32> {
    model::mlp(Graph::input(Shape::vector(6)), &[9, 9], activation, 3)
}

/// What a scheme says of each weight: (layer, part, start).
pub(super) fn starts<S: Scheme>(graph: &Graph<32>, scheme: &S) -> Vec<(usize, PartKind, S::Start)> {
    let facts = Facts::of(graph.nodes());
    let mut starts = vec![];
    for (number, node) in graph.nodes().iter().enumerate() {
        for part_number in 0.. {
            let Some(part) = node.layer.part(node.input, part_number) else { break };
            let nodes = graph.nodes();
            let site = Site { facts: &facts, nodes, number, node, part, part_number };
            starts.push((number, part.kind, scheme.start(&site)));
        }
    }
    starts
}

/// What a scheme says of matrices and kernels.
pub(super) fn matrices<S: Scheme>(graph: &Graph<32>, scheme: &S) -> Vec<(usize, S::Start)> {
    let matrix = |(number, kind, start)| (kind == PartKind::Weight).then_some((number, start));
    starts(graph, scheme).into_iter().filter_map(matrix).collect()
}

/// All weights of a network under a scheme.
pub(super) fn weights<const N: usize>(graph: &Graph<N>, scheme: &impl Scheme) -> Vec<f32> {
    let plan = Plan::new(graph, Mode::INFER, 1);
    let mut weights = vec![f32::NAN; plan.weights];
    fill(&plan.net(), scheme, &mut weights);
    weights
}

pub(super) const fn identity(gain: f32) -> Exact {
    Exact::Identity { gain, order: Order::SpatialMajor }
}

pub(super) const NEARLY_ZERO: Exact =
    Exact::ZeroPreserving { eps: EPS, order: Order::SpatialMajor };

// Where the residual network has its kernels: the stem, then (branch, its end) twice, then the head.
pub(super) const STEM: usize = 0;
pub(super) const BRANCHES: [usize; 2] = [4, 13];
pub(super) const ENDS: [usize; 2] = [7, 16];
pub(super) const HEAD: usize = 23;

#[test]
fn the_facts_of_a_network() {
    let facts = Facts { first: STEM, relu: true, branches: 2, branch_layers: 2 };
    assert_eq!(Facts::of(residual().nodes()), facts);
    let plain_facts = Facts { first: 0, relu: false, branches: 0, branch_layers: 0 };
    assert_eq!(Facts::of(plain(Activation::Tanh).nodes()), plain_facts);
    // the first layer with a matrix, behind a norm and a scalar
    let late = Graph::<8>::input(PICTURE).scalar_bias().batch_norm().conv2d(2, 3).relu();
    assert_eq!(Facts::of(late.nodes()).first, 2);
}

#[test]
fn idinit_in_a_residual_network() {
    // §3.4: IDIZ at the end of every branch and at the head, IDI elsewhere; Appendix B: √2 first
    let want = [
        (STEM, identity(SQRT_2)),
        (BRANCHES[0], identity(1.0)),
        (ENDS[0], NEARLY_ZERO),
        (BRANCHES[1], identity(1.0)),
        (ENDS[1], NEARLY_ZERO),
        (HEAD, NEARLY_ZERO),
    ];
    assert_eq!(matrices(&residual(), &IdInit::PAPER), want);
}

#[test]
fn idinit_in_a_plain_network() {
    // §3.4: IDI everywhere, the classifier too; √2 in the first layer of rectifiers only
    let relu = [(0, identity(SQRT_2)), (2, identity(1.0)), (4, identity(1.0))];
    assert_eq!(matrices(&plain(Activation::Relu), &IdInit::PAPER), relu);
    let tanh = relu.map(|(number, _)| (number, identity(1.0)));
    assert_eq!(matrices(&plain(Activation::Tanh), &IdInit::PAPER), tanh);
}

#[test]
fn the_first_layer_is_that_of_the_network_not_of_a_branch() {
    let roots = matrices(&residual(), &IdInit::PAPER);
    let rooted = roots.iter().filter(|(_, rule)| *rule == identity(SQRT_2));
    assert_eq!(rooted.count(), 1);
    // the first layer's gain is an argument; a branch's end that comes first stays nearly zero
    let scheme = IdInit { first: 3.0, eps: 0.5, order: Order::ChannelMajor, ..IdInit::PAPER };
    let graph = Graph::<32>::input(Shape::vector(4)).dense(4).role(Role::BranchEnd);
    let graph = graph.relu().add(Value::INPUT).dense(2);
    let order = Order::ChannelMajor;
    let want =
        [(0, Exact::ZeroPreserving { eps: 0.5, order }), (3, Exact::Identity { gain: 1.0, order })];
    assert_eq!(matrices(&graph, &scheme), want);
    let graph = Graph::<32>::input(Shape::vector(4)).dense(4).relu();
    assert_eq!(matrices(&graph, &scheme), [(0, Exact::Identity { gain: 3.0, order })]);
}

#[test]
fn norms_biases_and_scalars_change_nothing_at_the_start() {
    for (number, kind, rule) in starts(&residual(), &IdInit::PAPER) {
        let want = match kind {
            PartKind::Weight | PartKind::Table => continue,
            PartKind::Bias | PartKind::RunningMean => Exact::Zero,
            PartKind::Gain | PartKind::RunningVariance | PartKind::Multiplier => {
                Exact::Constant { value: 1.0 }
            }
        };
        assert_eq!(rule, want, "layer {number}, {kind:?}");
    }
    for (seen, kind) in
        [(10, PartKind::Bias), (5, PartKind::RunningMean), (2, PartKind::Multiplier)]
    {
        let all = starts(&residual(), &IdInit::PAPER);
        let count = all.iter().filter(|start| start.1 == kind).count();
        assert!(count >= seen, "{count} of {kind:?}");
    }
}

fn std_of(rule: Rule) -> f32 {
    match rule {
        Rule::Random(Random::Normal { std, .. }) => std,
        Rule::Exact(Exact::Zero) => 0.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fixup_scales_branches_and_zeroes_their_ends() {
    let found = matrices(&residual(), &Fixup { seed: 5 });
    let numbers: Vec<usize> = found.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [STEM, BRANCHES[0], ENDS[0], BRANCHES[1], ENDS[1], HEAD]);
    for (number, rule) in found {
        match number {
            n if BRANCHES.contains(&n) => {
                // Kaiming by the fan of outputs, 9 · 4, times L^(−1/(2m−2)) = 2^(−1/2)
                let want = (2.0_f32 / 36.0).sqrt() * 2.0_f32.powf(-0.5);
                assert!((std_of(rule) - want).abs() < 1e-7, "{rule:?}");
            }
            n if ENDS.contains(&n) || n == HEAD => assert_eq!(rule, Exact::Zero.into()),
            _ => assert!(matches!(rule, Rule::Random(Random::Uniform { .. })), "{rule:?}"),
        }
    }
}

#[test]
fn fixup_knows_bottlenecks() {
    // m = 3 layers a branch, L = 16 branches: 16^(−1/4) = 1/2
    let mut g = Graph::<128>::input(PICTURE).conv2d(4, 3);
    for _ in 0..16 {
        let skip = g.here();
        g = g.conv2d(4, 1).role(Role::Branch).relu().conv2d(4, 3).role(Role::Branch).relu();
        g = g.conv2d(4, 1).role(Role::BranchEnd).add(skip).relu();
    }
    let g = g.dense(3).role(Role::Head).cross_entropy(0.0);
    let facts = Facts::of(g.nodes());
    assert_eq!((facts.branches, facts.branch_layers), (16, 3));
    let node = &g.nodes()[3];
    let part = node.layer.part(node.input, 0).unwrap();
    let site = Site { facts: &facts, nodes: g.nodes(), number: 3, node, part, part_number: 0 };
    let want = (2.0_f32 / 36.0).sqrt() * 0.5;
    assert!((std_of(Fixup { seed: 0 }.start(&site)) - want).abs() < 1e-7);
}

#[test]
fn zero_gamma_is_at_the_norms_that_end_branches_only() {
    let all = starts(&residual(), &ZeroGamma { seed: 0 });
    let gains: Vec<_> = all.iter().filter(|(_, kind, _)| *kind == PartKind::Gain).collect();
    let zeros: Vec<usize> = gains
        .iter()
        .filter(|(_, _, rule)| *rule == Exact::Zero.into())
        .map(|(number, ..)| *number)
        .collect();
    assert_eq!(zeros, ENDS.map(|end| end + 1));
    // five batch norms and a layer norm
    assert_eq!(gains.len(), 6);
    // convolutions are Kaiming by the fan of the outputs, 9 · 4; the head is PyTorch's, 1/√4
    for (number, rule) in matrices(&residual(), &ZeroGamma { seed: 0 }) {
        match rule {
            Rule::Random(Random::Uniform { bound, .. }) if number == HEAD => assert_eq!(bound, 0.5),
            rule => {
                assert!((std_of(rule) - (2.0_f32 / 36.0).sqrt()).abs() < 1e-7, "layer {number}")
            }
        }
    }
}

#[test]
fn zero_has_no_chance() {
    let hadamard = Exact::Hadamard { gain: 1.0 };
    for (number, rule) in matrices(&residual(), &ZerO) {
        let zero = ENDS.contains(&number) || number == HEAD;
        assert_eq!(rule, if zero { Exact::Zero } else { hadamard }, "layer {number}");
    }
    for (_, rule) in matrices(&plain(Activation::Relu), &ZerO) {
        assert_eq!(rule, hadamard);
    }
}

#[test]
fn pytorchs_default_draws_biases_too() {
    let graph = plain(Activation::Relu);
    let all = starts(&graph, &TorchDefault { seed: 1 });
    // ± 1/√6 for the first layer's weight and bias, ± 1/√9 for the others'
    let bounds = [6.0_f32, 6.0, 9.0, 9.0, 9.0, 9.0].map(|fan| 1.0 / fan.sqrt());
    assert_eq!(all.len(), bounds.len());
    let mut keys = vec![];
    for ((number, kind, rule), want) in all.into_iter().zip(bounds) {
        let Rule::Random(Random::Uniform { bound, key }) = rule else { panic!("{rule:?}") };
        assert!((bound - want).abs() < 1e-7, "layer {number}, {kind:?}: {bound}");
        assert!(!keys.contains(&key), "a weight and another share their chance");
        keys.push(key);
    }
    // norms and scalars have no bias of that kind
    for (number, kind, rule) in starts(&residual(), &TorchDefault { seed: 1 }) {
        let layer = residual().nodes()[number].layer.kind();
        let drawn = matches!(layer, Kind::Conv2d | Kind::Dense);
        assert_eq!(matches!(rule, Rule::Random(_)), drawn, "layer {number}, {kind:?}");
    }
}

#[test]
fn xavier_and_kaiming_have_the_deviations_of_their_papers() {
    let graph = plain(Activation::Relu);
    // 6-9-9-3
    let fans = [(6.0_f32, 9.0_f32), (9.0, 9.0), (9.0, 3.0)];
    let check = |found: Vec<(usize, Rule)>, want: &dyn Fn(f32, f32) -> f32, uniform: bool| {
        for ((number, rule), (inp, out)) in found.into_iter().zip(fans) {
            let got = match rule {
                Rule::Random(Random::Uniform { bound, .. }) if uniform => bound,
                Rule::Random(Random::Normal { std, .. }) if !uniform => std,
                other => panic!("{other:?}"),
            };
            assert!((got - want(inp, out)).abs() < 1e-6, "layer {number}: {got}");
        }
    };
    let xavier = |normal| matrices(&graph, &Xavier { normal, seed: 0 });
    check(xavier(false), &|inp, out| (6.0 / (inp + out)).sqrt(), true);
    check(xavier(true), &|inp, out| (2.0 / (inp + out)).sqrt(), false);
    let kaiming = |fan, uniform| matrices(&graph, &Kaiming { fan, uniform, seed: 0 });
    check(kaiming(Fan::In, false), &|inp, _| (2.0 / inp).sqrt(), false);
    check(kaiming(Fan::Out, false), &|_, out| (2.0 / out).sqrt(), false);
    check(kaiming(Fan::In, true), &|inp, _| (6.0 / inp).sqrt(), true);
}

#[test]
fn orthogonal_rows_are_orthogonal() {
    for (activation, gain) in [(Activation::Relu, gain::RELU), (Activation::Tanh, 1.0)] {
        for (number, start) in matrices(&plain(activation), &Orthonormal { seed: 2 }) {
            let Written::Orthogonal(Orthogonal { gain: got, .. }) = start else {
                panic!("layer {number}: {start:?}")
            };
            assert_eq!(got, gain, "layer {number}");
        }
    }
    // the last layer is [3, 9], and its weights lie before its 3 biases
    let all = weights(&plain(Activation::Relu), &Orthonormal { seed: 2 });
    let w = &all[all.len() - 30..all.len() - 3];
    for (i, a) in w.chunks(9).enumerate() {
        for (j, b) in w.chunks(9).enumerate() {
            let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            // rounding of 9 products of at most 2
            assert!((dot - if i == j { 2.0 } else { 0.0 }).abs() < 1e-5, "rows {i} and {j}");
        }
    }
}

#[test]
fn a_seed_matters_to_those_that_have_chance_and_to_no_other() {
    let graph = residual();
    for &name in Named::NAMES {
        let [one, again, two] =
            [1, 1, 2].map(|seed| weights(&graph, &Named::parse(name, seed).unwrap()));
        let bits = |w: &[f32]| w.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        assert!(one.iter().all(|w| w.is_finite()), "{name}");
        assert_eq!(bits(&one), bits(&again), "{name}");
        let scheme = Named::parse(name, 0).unwrap();
        let exact = matches!(scheme, Named::IdInit(_) | Named::Ablation(_) | Named::ZerO(_));
        assert_eq!(bits(&one) == bits(&two), exact, "{name}");
    }
}

#[test]
fn the_names_are_all_different_schemes() {
    let graph = residual();
    let prints: Vec<_> = Named::NAMES
        .iter()
        .map(|name| Fingerprint::of(&weights(&graph, &Named::parse(name, 1).unwrap())))
        .collect();
    for (i, a) in prints.iter().enumerate() {
        let same = prints[..i].iter().position(|b| a == b);
        assert_eq!(same, None, "{} is another's", Named::NAMES[i]);
    }
    assert_eq!(Named::parse("nobody", 0), None);
}

#[test]
fn a_scheme_by_name_is_the_scheme() {
    let graph = residual();
    let by_name = |name| weights(&graph, &Named::parse(name, 7).unwrap());
    assert_eq!(by_name("idinit"), weights(&graph, &IdInit::PAPER));
    assert_eq!(by_name("fixup"), weights(&graph, &Fixup { seed: 7 }));
    assert_eq!(by_name("torch"), weights(&graph, &TorchDefault { seed: 7 }));
    assert_eq!(by_name("orthogonal"), weights(&graph, &Orthonormal { seed: 7 }));
    assert_eq!(by_name("zero-gamma"), weights(&graph, &ZeroGamma { seed: 7 }));
    assert_eq!(by_name("zero"), weights(&graph, &ZerO));
    let out = Kaiming { fan: Fan::Out, uniform: false, seed: 7 };
    assert_eq!(by_name("kaiming-out"), weights(&graph, &out));
    assert_eq!(by_name("xavier-normal"), weights(&graph, &Xavier { normal: true, seed: 7 }));
}

#[test]
fn two_layers_of_one_size_draw_different_weights() {
    let graph = residual();
    let plan = Plan::new(&graph, Mode::INFER, 1);
    let all = weights(&graph, &Kaiming::default());
    let [a, b] = BRANCHES.map(|number| plan.net().slots()[number].weights.of(&all)[..144].to_vec());
    let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
    assert!(same < 3, "{same} of 144 weights");
}

#[test]
fn weights_lie_in_the_order_of_layers_and_parts() {
    let graph: Graph<4> = Graph::input(Shape::vector(2)).dense(2).batch_norm().dense(1).relu();
    let s = SQRT_2;
    let want = [s, 0.0, 0.0, s, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
    assert_eq!(weights(&graph, &IdInit::PAPER), want);
}

#[test]
fn a_longer_buffer_keeps_its_rest_and_a_shorter_one_has_what_fits() {
    let graph = plain(Activation::Relu);
    let plan = Plan::new(&graph, Mode::INFER, 1);
    let whole = weights(&graph, &IdInit::PAPER);
    let mut longer = vec![7.0; whole.len() + 3];
    fill(&plan.net(), &IdInit::PAPER, &mut longer);
    assert_eq!(longer[..whole.len()], whole);
    assert_eq!(longer[whole.len()..], [7.0; 3]);
    let mut shorter = vec![7.0; whole.len() - 1];
    fill(&plan.net(), &IdInit::PAPER, &mut shorter);
    // the last layer does not fit, and those before it are there
    let fits = (6 * 9 + 9) + (9 * 9 + 9);
    assert_eq!(shorter[..fits], whole[..fits]);
}

#[test]
fn a_grouped_convolution_has_an_identity_in_each_group() {
    let depthwise = Layer::Conv2d(Conv2d { groups: 4, bias: false, ..Conv2d::same(4, 1) });
    let graph: Graph<2> = Graph::input(Shape::hwc(2, 2, 4)).then(depthwise).tanh();
    assert_eq!(weights(&graph, &IdInit::PAPER), [1.0; 4]);
    assert_eq!(Dims::new(4, 1, [1, 1], 4).unwrap().len(), 4);
}

/// The starts of the three models, pinned: they are the same on every machine and in every version.
/// (A NumPy program that knows only the paper's definitions and CRC-64/XZ finds the same.)
#[test]
fn the_starts_of_the_models_are_pinned() {
    let mlp: Graph<3> = model::mlp(Graph::input(Shape::vector(64)), &[32], Activation::Relu, 10);
    let cnn: Graph<6> = model::cnn(Graph::input(PICTURE), 8, 10);
    let residual: Graph<25> = model::residual(Graph::input(PICTURE), 8, 4, 10);
    let print = |weights: Vec<f32>| Fingerprint::of(&weights).to_string();
    assert_eq!(
        [
            print(weights(&mlp, &IdInit::PAPER)),
            print(weights(&cnn, &IdInit::PAPER)),
            print(weights(&residual, &IdInit::PAPER)),
        ],
        ["0ea0847942940945", "4f8d9198167a2202", "5b14edb6a71815a5"]
    );
    let channel = IdInit { order: Order::ChannelMajor, ..IdInit::PAPER };
    assert_eq!(print(weights(&residual, &channel)), "8358f2ad0f04553b");
}

/// A small decoder: embedding, positions, one attention branch, a head over 11 tokens.
fn decoder(width: u32) -> Graph<16> {
    let g = Graph::input(Shape::hwc(1, 6, 1)).embedding(11, width).positions();
    let skip = g.here();
    let g = g.layer_norm().linear(3 * width).role(Role::Branch).attention(2, true);
    g.linear(width).role(Role::BranchEnd).add(skip).linear(11).role(Role::Head).cross_entropy(0.0)
}

#[test]
fn the_rows_of_a_table_differ_and_are_the_same_on_every_machine() {
    let graph = decoder(64);
    let plan = Plan::new(&graph, Mode::INFER, 1);
    let start = |scheme: &dyn Fn(&mut [f32])| {
        let mut weights = std::vec![f32::NAN; plan.weights];
        scheme(&mut weights);
        weights
    };
    let paper = start(&|w| fill(&plan.net(), &IdInit::PAPER, w));
    let named = start(&|w| fill(&plan.net(), &Named::parse("idinit", 9).unwrap(), w));
    assert_eq!(paper, named, "IDInit has no seed");
    let table = &paper[..11 * 64];
    let rows: Vec<_> = table.chunks(64).collect();
    for (i, row) in rows.iter().enumerate() {
        assert!(rows[..i].iter().all(|other| other != row), "row {i} is there twice");
    }
    let mean_square = table.iter().map(|x| x * x).sum::<f32>() / table.len() as f32;
    assert!((mean_square / (0.02 * 0.02) - 1.0).abs() < 0.15, "{mean_square}");
    // without attention, the deviation is 1
    let words = Graph::<4>::input(Shape::hwc(1, 3, 1)).embedding(50, 20).global_average_pool();
    let plan = Plan::new(&words.dense(2), Mode::INFER, 1);
    let mut weights = std::vec![0.0; plan.weights];
    fill(&plan.net(), &Named::parse("kaiming", 3).unwrap(), &mut weights);
    let mean_square = weights[..1000].iter().map(|x| x * x).sum::<f32>() / 1000.0;
    assert!((mean_square - 1.0).abs() < 0.1, "{mean_square}");
    let mut other = weights.clone();
    fill(&plan.net(), &Named::parse("kaiming", 4).unwrap(), &mut other);
    assert_ne!(weights[..1000], other[..1000], "a seed changes the table of a random start");
}

#[test]
fn t_fixup_scales_values_and_not_queries_and_keys() {
    let graph = decoder(8);
    let plan = Plan::new(&graph, Mode::INFER, 1);
    let mut weights = std::vec![0.0; plan.weights];
    fill(&plan.net(), &Named::parse("t-fixup", 1).unwrap(), &mut weights);
    let matrix = plan.net().slots()[3].weights.of(&weights);
    let largest = |rows: &[f32]| rows.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    // Xavier over [8, 8]: ± √(6 / 16); one block of an encoder: the values times 0.67
    let xavier = 0.612_372_4;
    let [q, k, v] = [0, 64, 128].map(|at| largest(&matrix[at..at + 64]));
    assert!(q.min(k) > 0.85 * xavier && q.max(k) <= xavier, "{q} {k}");
    assert!(v > 0.85 * 0.67 * xavier && v <= 0.67 * xavier, "{v}");
}

/// C13 of the readings: a stacked matrix of 12 rows would go on with its fifth and sixth column.
#[test]
fn each_gate_of_a_recurrent_layer_is_an_identity_of_its_own() {
    let graph = Graph::<2>::input(Shape::hwc(1, 3, 6)).gru(4).select(2);
    let plan = Plan::new(&graph, Mode::INFER, 1);
    let mut weights = std::vec![f32::NAN; plan.weights];
    fill(&plan.net(), &IdInit::PAPER, &mut weights);
    let (input, rest) = weights.split_at(12 * 6);
    let (state, biases) = rest.split_at(12 * 4);
    for (matrix, columns) in [(input, 6), (state, 4)] {
        for (row, numbers) in matrix.chunks(columns).enumerate() {
            let want = |column| if column == row % 4 { 1.0 } else { 0.0 };
            let wrong = numbers.iter().enumerate().find(|(column, w)| **w != want(*column));
            assert_eq!(wrong, None, "row {row} of {columns} columns");
        }
    }
    assert!(biases.iter().all(|b| *b == 0.0));
}
