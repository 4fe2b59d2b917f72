//! Where a function has a kink, the crate has chosen a side: of equal numbers the first wins, and the
//! rectifiers' slope at 0 is that of the negative side.

use super::cases::{Case, ROOM, Trains};
use super::runner::{Numbers, Wanted, gradient};
use idinit::graph::Graph;
use idinit::layer::{Conv2d, Layer, MaxPool};
use idinit::shape::Shape;

/// The gradient of a 1 × 1 convolution of two channels to one, whose weights are 1 and 1, where what
/// follows is to be 0 (with one output, the gradient of the squared error is 2 y).
fn gradient_at(rest: impl Fn(Graph<ROOM>) -> Graph<ROOM>, x: &[f32]) -> Vec<f32> {
    let pixels = x.len() as u32 / 2;
    let sum = Conv2d { bias: false, ..Conv2d::same(1, 1) };
    let graph = Graph::input(Shape::hwc(1, pixels, 2)).then(Layer::Conv2d(sum));
    let graph = rest(graph).squared_error();
    let case = Case { name: "ties", graph, planned: 1, batch: 1, trains: Trains::All, seed: 0 };
    let wanted = Wanted::Values(vec![0.0; graph.output().len()]);
    gradient(&case, &Numbers { w: vec![1.0, 1.0], x: x.to_vec(), wanted }).1
}

#[test]
fn of_equal_numbers_the_first_wins() {
    let max = |graph: Graph<ROOM>| {
        graph.then(Layer::MaxPool(MaxPool { kernel: [1, 3], stride: [1, 3], padding: [0, 0] }))
    };
    // sums 3, 3, 3; then the largest in the middle; then the largest twice, at the end
    assert_eq!(gradient_at(max, &[1.0, 2.0, 0.5, 2.5, 3.0, 0.0]), [6.0, 12.0]);
    assert_eq!(gradient_at(max, &[1.0, 1.0, 0.5, 2.5, 1.0, 0.0]), [3.0, 15.0]);
    assert_eq!(gradient_at(max, &[1.0, 1.0, 2.5, 0.5, 3.0, 0.0]), [15.0, 3.0]);
}

/// A window that begins outside of the picture looks first at its first pixel: sums −3, −3, −1, −1 in
/// windows of (−3, −3) and (−3, −1, −1).
#[test]
fn outside_of_the_picture_nothing_wins() {
    let max = |graph: Graph<ROOM>| {
        let pool = MaxPool { kernel: [1, 3], stride: [1, 2], padding: [0, 1] };
        graph.then(Layer::MaxPool(pool))
    };
    let x = [-1.0, -2.0, -2.5, -0.5, 0.5, -1.5, -1.0, 0.0];
    // the mean of two squares: −3 from (−1, −2), −1 from (0.5, −1.5)
    assert_eq!(gradient_at(max, &x), [3.0 - 0.5, 6.0 + 1.5]);
}

#[test]
fn at_zero_a_rectifier_has_the_slope_of_the_negative_side() {
    // (1, −1) gives 0, (3, −1) gives 2: the mean is 1, and so is its gradient
    let mean = |graph: Graph<ROOM>| graph.relu().global_average_pool();
    assert_eq!(gradient_at(mean, &[1.0, -1.0, 3.0, -1.0]), [3.0, -1.0]);
    let leaky = |graph: Graph<ROOM>| graph.leaky_relu(0.5).global_average_pool();
    assert_eq!(gradient_at(leaky, &[1.0, -1.0, 3.0, -1.0]), [3.5, -1.5]);
}
