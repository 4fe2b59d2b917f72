//! Sums on the GPU that a rectifier follows, whose gradients are masked where they are handed on.

use super::cases::{Case, ROOM, Trains, vector};
use super::cuda::{cuda_gradient, device};
use super::runner::{Numbers, gradient, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::graph::{Graph, Value};

fn all() -> [Case; 2] {
    let case = |name, graph: Graph<ROOM>, seed| {
        let graph = graph.dense(3).squared_error().finish().unwrap();
        Case { name, graph, planned: 5, batch: 4, trains: Trains::All, seed }
    };
    let begin = vector(4).dense(6);
    let value = begin.here();
    let twice = begin.tanh().dense(6).add(value).relu().dense(6).add(value).relu();
    let input = vector(6).dense(6).add(Value::INPUT).relu();
    [
        case("a second operand with a gradient already", twice, 850),
        case("a second operand that nobody wants the gradient of", input, 851),
    ]
}

#[test]
fn rectified_sums_have_the_gradients_of_the_portable_engine() {
    let Some(device) = device() else { return };
    for case in all() {
        let numbers = Numbers::of(&case);
        let (_, want) = gradient(&case, &numbers);
        let (_, got, _) = cuda_gradient(&case, &numbers, device.ordinal);
        let allowed = tolerance(Against::CudaGradient, case.graph.nodes());
        assert_eq!(difference(&wide(&got), &wide(&want), allowed, 1e-3), None, "{}", case.name);
    }
}
