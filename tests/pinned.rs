//! The bits of whole training runs are pinned: they are the same in every build, whether the kernels
//! sum several numbers abreast or, at opt-level "s", one at a time. Run it both ways:
//!
//! ```text
//! cargo test --test pinned
//! cargo test --test pinned --profile small
//! ```
//!
//! A change of these numbers is a change of what `portable` means, and belongs into the changelog.

use idinit::data::digits;
use idinit::engine::{Engine, Memory, Portable};
use idinit::graph::Graph;
use idinit::init::{IdInit, Kaiming};
use idinit::layer::{All, Conv2d, Layer};
use idinit::loss::Target;
use idinit::model::{self, Activation};
use idinit::plan::{Mode, Plan};
use idinit::recipe::Fingerprint;
use idinit::shape::Shape;
use idinit::update::{Clip, Momentum, Sgd, Update};

const PICTURE: Shape = Shape::hwc(8, 8, 1);

/// The fingerprint of all weights after 30 steps on the digits, from IDInit or from Kaiming.
fn trained<const N: usize>(
    graph: &Graph<N>,
    update: impl Update,
    mode: Mode,
    (batch, identity): (usize, bool),
) -> String {
    let plan = Plan::checked(graph, mode, batch).unwrap();
    let mut weights = vec![0.0; plan.weights];
    let mut state = vec![0.0; plan.state];
    let mut arena = vec![f32::NAN; plan.arena];
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let mut engine = Portable::<All, _>::new(plan.net(), update, memory).unwrap();
    match identity {
        true => engine.start(&IdInit::PAPER),
        false => engine.start(&Kaiming { seed: 7, ..Kaiming::default() }),
    }
    for step in 0..30 {
        let (mut x, mut labels) = (vec![], vec![]);
        for k in 0..batch {
            let mut image = [0.0; 64];
            labels.push(digits::image(digits::train(step * batch + k), &mut image).unwrap());
            x.extend(image);
        }
        engine.train(&x, Target::Labels(&labels), 0.02).unwrap();
    }
    Fingerprint::of(&weights).to_string()
}

/// Every kernel with sizes that leave something over from tiles of 2, 4 and 8: strides, groups, an
/// even kernel, all norms and pools.
fn awkward() -> Graph<24> {
    let conv = |out, kernel, stride, padding, groups| {
        Layer::Conv2d(Conv2d { out, kernel, stride, padding, groups, bias: true })
    };
    let g = Graph::draft(PICTURE)
        .then(conv(10, [3, 3], [1, 1], [1, 1], 1))
        .batch_norm()
        .relu()
        .then(conv(15, [2, 4], [1, 2], [1, 2], 5))
        .layer_norm()
        .gelu();
    let skip = g.here();
    g.conv2d(15, 3)
        .scalar_bias()
        .tanh()
        .multiplier()
        .add(skip)
        .leaky_relu(0.1)
        .max_pool(2)
        .conv2d(17, 1)
        .sigmoid()
        .shortcut(19, 1)
        .average_pool(2)
        .dense(13)
        .relu()
        .dense(10)
        .cross_entropy(0.1)
        .finish()
        .unwrap()
}

#[test]
fn training_ends_with_these_bits() {
    let momentum = Momentum { momentum: 0.9, ..Momentum::default() };
    let nesterov = Momentum { nesterov: true, decay: 1e-3, ..momentum };
    let mlp: Graph<5> =
        model::mlp(Graph::input(Shape::vector(64)), &[33, 31], Activation::Relu, 10);
    let cnn: Graph<6> = model::cnn(Graph::input(PICTURE), 9, 10);
    let residual: Graph<15> = model::residual(Graph::input(PICTURE), 8, 2, 10);
    let (sgd, plain) = (Mode::train::<Sgd>(), Sgd::default());
    let m = Mode::train::<Momentum>();
    let clip = Clip { update: momentum, most: 0.5 };
    let runs = [
        trained(&mlp, plain, sgd, (1, true)),
        trained(&mlp, Sgd { decay: 1e-3 }, sgd, (1, false)),
        trained(&mlp, momentum, m, (1, false)),
        trained(&mlp, nesterov, m, (5, true)),
        trained(&cnn, plain, sgd, (1, false)),
        trained(&cnn, momentum, m, (3, true)),
        trained(&residual, nesterov, m, (4, true)),
        trained(&residual, clip, Mode::train::<Clip<Momentum>>(), (2, false)),
        trained(&awkward(), momentum, m, (3, false)),
    ];
    assert_eq!(
        runs.each_ref().map(String::as_str),
        [
            "f16650673783fef7",
            "bc69747d937d58f3",
            "d1013d040f56e649",
            "c51472d053a08f19",
            "d3903b16f15ef601",
            "6bae5c9a152e6913",
            "6f8b62df7272ca20",
            "41ee091998253a49",
            "eb54673f6ba99e08",
        ]
    );
}
