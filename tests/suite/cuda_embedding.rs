//! Tables of tokens on the GPU, where a token has more places than a block sorts or sums.

use super::cases::{Case, ROOM, Trains, hwc};
use super::cuda::{cuda_gradient, device};
use super::runner::{Numbers, bits, gradient, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::graph::Graph;

fn all() -> [Case; 4] {
    let case = |name, graph: Graph<ROOM>, batch, seed| {
        let graph = graph.tanh().linear(2).squared_error().finish().unwrap();
        Case { name, graph, planned: batch, batch, trains: Trains::All, seed }
    };
    let line = |tokens| hwc(1, tokens, 1);
    [
        case("one token in 300 places", line(100).embedding(1, 2), 3, 800),
        case(
            "3 tokens in 840 places, one of them padding",
            line(120).padded_embedding(3, 5),
            7,
            801,
        ),
        case("400 tokens in 512 places", line(64).embedding(400, 3), 8, 802),
        case("rows wider than a block", line(65).embedding(9, 130), 2, 803),
    ]
}

#[test]
fn tokens_of_many_places_have_the_gradients_of_the_portable_engine() {
    let Some(device) = device() else { return };
    for case in all() {
        let numbers = Numbers::of(&case);
        let (_, want) = gradient(&case, &numbers);
        let (_, got, _) = cuda_gradient(&case, &numbers, device.ordinal);
        let (_, again, _) = cuda_gradient(&case, &numbers, device.ordinal);
        let allowed = tolerance(Against::CudaGradient, case.graph.nodes());
        assert_eq!(difference(&wide(&got), &wide(&want), allowed, 1e-3), None, "{}", case.name);
        assert_eq!(bits(&got), bits(&again), "{}: twice", case.name);
    }
}
