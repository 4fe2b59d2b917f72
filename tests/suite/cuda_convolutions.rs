//! Convolutions on the GPU where their tiles end: more columns than a tile has, rows and depths that no tile
//! divides, slices of windows. And both ways that they are computed in.

use super::cases::{Case, ROOM, Trains, hwc};
use super::cuda::{cuda_gradient, device};
use super::runner::{Numbers, bits, gradient, plan, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::engine::{Cuda, Engine};
use idinit::gpu::Precision;
use idinit::graph::Graph;
use idinit::layer::{Conv2d, Layer};
use idinit::update::Momentum;

/// A convolution of a picture: outputs, kernel, stride, padding, groups, and whether there is a bias.
struct Shape {
    name: &'static str,
    picture: [u32; 3],
    layer: Conv2d,
    batch: usize,
}

const fn shape(
    name: &'static str,
    (picture, batch): ([u32; 3], usize),
    [out, groups]: [u32; 2],
    [kernel, stride, padding]: [[u32; 2]; 3],
) -> Shape {
    let layer = Conv2d { out, kernel, stride, padding, groups, bias: out % 2 == 1 };
    Shape { name, picture, layer, batch }
}

/// Tiles have 128 rows, 64 columns or 16, and go through the depth by 16.
const SHAPES: [Shape; 7] = [
    shape("65 columns, 147 windows, 45 deep", ([7, 7, 5], 3), [65, 1], [[3, 3], [1, 1], [1, 1]]),
    shape("17 columns from 33 channels", ([5, 9, 33], 2), [17, 1], [[3, 3], [2, 2], [1, 1]]),
    shape("whole tiles", ([8, 8, 16], 4), [64, 1], [[3, 3], [1, 1], [1, 1]]),
    shape("slices of 1,210 windows", ([20, 22, 2], 5), [3, 1], [[5, 3], [2, 2], [1, 1]]),
    shape("slices, without a bias", ([24, 24, 1], 1), [2, 1], [[2, 3], [1, 1], [0, 2]]),
    shape("2 groups of 33 to 34", ([4, 5, 66], 2), [68, 2], [[2, 3], [1, 2], [1, 0]]),
    shape("strides beyond kernel and picture", ([3, 7, 4], 3), [5, 1], [[2, 1], [5, 4], [1, 2]]),
];

fn case(shape: &Shape, seed: u64) -> Case {
    let &Shape { name, picture: [height, width, channels], layer, batch } = shape;
    // a layer before it, so that the gradient of its input is wanted; a rectifier behind it, and a second use
    // of its input, so that gradients are added to others
    let before = Conv2d { out: channels, kernel: [1, 1], stride: [1, 1], padding: [0, 0], ..layer };
    let g: Graph<ROOM> = hwc(height, width, channels).then(Layer::Conv2d(before));
    let value = g.here();
    let one = g.then(Layer::Conv2d(layer)).relu().global_average_pool();
    let first = one.here();
    let other = one.at(value).then(Layer::Conv2d(layer)).global_average_pool();
    let graph = other.add(first).dense(3).squared_error().finish().unwrap();
    Case { name, graph, planned: batch, batch, trains: Trains::All, seed }
}

fn all() -> impl Iterator<Item = Case> {
    SHAPES.iter().zip(700..).map(|(shape, seed)| case(shape, seed))
}

#[test]
fn convolutions_that_no_tile_divides_are_those_of_the_portable_engine() {
    let Some(device) = device() else { return };
    let mut wrong = vec![];
    for case in all() {
        let numbers = Numbers::of(&case);
        let (want_loss, want) = gradient(&case, &numbers);
        let (loss, got, _) = cuda_gradient(&case, &numbers, device.ordinal);
        let allowed = tolerance(Against::CudaGradient, case.graph.nodes());
        let loss = difference(&[f64::from(loss)], &[f64::from(want_loss)], allowed, 1.0);
        let gradients = difference(&wide(&got), &wide(&want), allowed, 1e-3);
        wrong.extend(loss.into_iter().chain(gradients).map(|why| (case.name, why)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn matrix_units_take_another_way_to_the_same_gradients() {
    let Some(device) = device() else { return };
    let mut wrong = vec![];
    for case in all() {
        let numbers = Numbers::of(&case);
        let plan = plan::<Momentum>(&case);
        let gradient = |precision| {
            let update = Momentum::default();
            let engine = Cuda::with_precision(plan.net(), update, device.ordinal, precision);
            let (mut engine, mut gradient) = (engine.unwrap(), vec![0.0; plan.net().kept()]);
            engine.restore(&numbers.w, &gradient, 0).unwrap();
            engine.train(&numbers.x, numbers.wanted.target(), 0.0).unwrap();
            engine.state(&mut gradient).unwrap();
            gradient
        };
        let (tiles, rows) = (gradient(Precision::F32), gradient(Precision::Tf32));
        assert_ne!(bits(&tiles), bits(&rows), "{}: nothing was rounded", case.name);
        let allowed = tolerance(Against::CudaRounded, case.graph.nodes());
        let difference = difference(&wide(&rows), &wide(&tiles), allowed, 1e-3);
        wrong.extend(difference.map(|why| (case.name, why)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
