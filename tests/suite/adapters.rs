//! Low-rank adapters: a network starts as it would without them, and runs without them once they are merged.

use super::cases::{Case, ROOM, Trains, adaptable};
use super::runner::{Buffers, Numbers, bits, infer, inference, plan, wide};
use super::tolerance::{Against, close, tolerance};
use idinit::engine::{Buffer, Engine, Error, merge_adapters};
use idinit::graph::{Graph, Role};
use idinit::init::{Initial, Named, tensors};
use idinit::rule::{EPS, Exact, Order, Start};
use idinit::update::{Momentum, Sgd};

fn adapted() -> Graph<ROOM> {
    adaptable().adapted(2, &["stem", "end", "head"])
}

fn start(graph: &Graph<ROOM>, scheme: &str) -> Vec<f32> {
    let scheme = Named::parse(scheme, 7).unwrap();
    let initial: Initial<'_, Named> = Initial::new(graph.nodes(), scheme);
    let mut all = vec![f32::NAN; initial.len()];
    for tensor in initial.tensors() {
        let window = &mut all[tensor.start..][..tensor.part.dims.len()];
        initial.fill(&tensor, 0, window).unwrap();
    }
    all
}

#[test]
fn what_is_adapted_starts_as_it_would_without() {
    let (with, without) = (adapted(), adaptable());
    for scheme in ["idinit", "idinit-diagonal", "idinit-loose", "kaiming", "fixup", "zero-gamma"] {
        let all = start(&with, scheme);
        let own = tensors(with.nodes()).filter(|tensor| !tensor.node.is_adapter());
        let own = own.flat_map(|tensor| &all[tensor.start..][..tensor.part.dims.len()]);
        let own: Vec<f32> = own.copied().collect();
        assert_eq!(bits(&own), bits(&start(&without, scheme)), "{scheme}");

        let mut adapters = 0;
        for tensor in tensors(with.nodes()).filter(|tensor| tensor.node.is_adapter()) {
            let order = Order::SpatialMajor;
            let rule = match tensor.node.role {
                Role::AdapterDown => Exact::Identity { gain: 1.0, order },
                _ => Exact::ZeroPreserving { eps: EPS, order },
            };
            let dims = tensor.part.dims;
            let mut want = vec![f32::NAN; dims.len()];
            rule.fill(dims, &mut want).unwrap();
            assert_eq!(all[tensor.start..][..dims.len()], want, "{scheme}");
            adapters += 1;
        }
        assert_eq!(adapters, 6);
    }
}

/// Outputs differ by ε times what goes into an adapter.
#[test]
fn adapters_start_by_changing_nearly_nothing() {
    let (trains, seed) = (Trains::Adapters, 5);
    let case = Case { name: "adapters", graph: adapted(), planned: 3, batch: 3, trains, seed };
    let x = Numbers::of(&case).x;
    let [with, without] = [adapted(), adaptable()].map(|graph| {
        let inference = inference(&Case { graph, ..case });
        infer(&inference, Sgd::default(), &start(&graph, "kaiming"), &x)
    });
    let most = with.iter().zip(&without).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(most > 0.0 && most < 1e-4, "{most}");
}

#[test]
fn merged_adapters_are_the_network_without_them() {
    let (graph, seed) = (adapted(), 3);
    let case =
        Case { name: "adapters", graph, planned: 3, batch: 3, trains: Trains::Adapters, seed };
    let numbers = Numbers::of(&case);
    let plan = plan::<Momentum>(&case);
    let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
    let mut engine = buffers.engine(&plan, Momentum { momentum: 0.9, ..Momentum::default() });
    for _ in 0..5 {
        engine.train(&numbers.x, numbers.wanted.target(), 0.05).unwrap();
    }
    // nothing else has moved
    let moved = engine.all_weights();
    for tensor in tensors(graph.nodes()) {
        let range = tensor.start..tensor.start + tensor.part.dims.len();
        let same = moved[range.clone()] == numbers.w[range];
        assert_eq!(same, !tensor.node.is_adapter(), "layer {}", tensor.number);
    }
    let plain = Case { graph: adaptable(), ..case };
    let mut merged = vec![0.0; inference(&plain).weights];
    merge_adapters(graph.nodes(), moved, &mut merged).unwrap();
    let want = infer(&inference(&case), Sgd::default(), moved, &numbers.x);
    let got = infer(&inference(&plain), Sgd::default(), &merged, &numbers.x);
    let allowed = tolerance(Against::Merged, graph.nodes());
    close(case.name, &wide(&got), &wide(&want), allowed, 1.0);

    let (need, got) = (merged.len(), merged.len() - 1);
    let error = merge_adapters(graph.nodes(), moved, &mut merged[..got]);
    assert_eq!(error, Err(Error::Memory { buffer: Buffer::Weights, need, got }));
    assert!(merge_adapters(graph.nodes(), &moved[1..], &mut merged).is_err());
}

#[test]
fn adapters_alone_cost_little() {
    let wide: Graph<6> = Graph::input(idinit::shape::Shape::vector(64));
    let wide = wide.dense(128).name("hidden").tanh().dense(10).name("head").cross_entropy(0.0);
    let all = idinit::plan::Mode::train::<Momentum>();
    let plain = idinit::plan::Plan::new(&wide, all, 1);
    let adapted: Graph<9> = wide.adapted(4, &["hidden", "head"]);
    let plan = idinit::plan::Plan::new(&adapted, all.adapters(), 1);
    assert_eq!(plan.state, 4 * 64 + 128 * 4 + 4 * 128 + 10 * 4);
    assert!(6 * plan.state < plain.state);
}
