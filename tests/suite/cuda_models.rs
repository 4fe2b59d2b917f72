//! Ten steps of the networks that GPUs are for, in small sizes, against the portable engine.

use super::cuda::device;
use super::runner::{Chance, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::engine::{Cuda, Engine, Memory, Portable};
use idinit::graph::Graph;
use idinit::init::IdInit;
use idinit::layer::All;
use idinit::loss::Target;
use idinit::model::{self, CifarResNet, Gpt, Norm, TextCnn, Vit};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{AdaDelta, AdamW, Chosen, Momentum};

pub const ROOM: usize = 120;

/// Examples of a batch, and of the last one, which is smaller.
const BATCHES: [usize; 10] = [4, 4, 4, 4, 3, 4, 4, 4, 4, 3];

pub struct Small {
    pub name: &'static str,
    pub graph: Graph<ROOM>,
    pub update: Chosen,
    rate: f32,
    /// Inputs are tokens below this number; 0: they are real numbers.
    vocabulary: u64,
}

pub fn networks() -> Vec<Small> {
    let momentum = Chosen::Momentum(Momentum { momentum: 0.9, decay: 5e-4, nesterov: false });
    let adamw = Chosen::AdamW(AdamW::default());
    let picture = || Graph::input(Shape::hwc(8, 8, 3));
    let plain = CifarResNet { width: 4, ..CifarResNet::DEPTH_20 };
    let resnet = |name, norm| {
        let graph = model::cifar_resnet(picture(), CifarResNet { norm, ..plain });
        Small { name, graph, update: momentum, rate: 0.05, vocabulary: 0 }
    };
    let vit = Vit { patch: 2, width: 12, heads: 3, layers: 2, inner: 24, ..Vit::CIFAR };
    let gpt = Gpt { layers: 2, width: 12, heads: 3, vocabulary: 11, ..Gpt::LAYERS_8 };
    let text = TextCnn { vocabulary: 13, width: 6, filters: 5, ..TextCnn::KIM };
    let line = |tokens| Graph::input(Shape::hwc(1, tokens, 1));
    vec![
        resnet("ResNet-20", Norm::None),
        resnet("ResNet-20 with batch norms", Norm::Batch),
        Small {
            name: "ViT",
            graph: model::vit(picture(), vit),
            update: adamw,
            rate: 1e-3,
            vocabulary: 0,
        },
        Small {
            name: "GPT",
            graph: model::gpt(line(9), gpt),
            update: adamw,
            rate: 1e-3,
            vocabulary: 11,
        },
        Small {
            name: "TextCNN",
            graph: model::text_cnn(line(8), text),
            update: Chosen::AdaDelta(AdaDelta::default()),
            rate: 1.0,
            vocabulary: 13,
        },
    ]
}

/// The losses of ten steps from IDInit, and the weights behind them.
pub fn ten_steps(
    engine: &mut impl Engine<Error: std::fmt::Debug>,
    small: &Small,
    weights: usize,
) -> [Vec<f32>; 2] {
    let (inputs, output) = (small.graph.input_shape().len(), small.graph.output());
    let mut chance = Chance(7);
    let mut losses = vec![];
    for batch in BATCHES {
        let x = (0..batch * inputs).map(|_| match small.vocabulary {
            0 => chance.within(-1.0, 1.0),
            tokens => chance.below(tokens) as f32,
        });
        let x: Vec<f32> = x.collect();
        let rows = 0..batch * output.pixels();
        let labels: Vec<u32> =
            rows.map(|_| chance.below(u64::from(output.channels)) as u32).collect();
        losses.push(engine.train(&x, Target::Labels(&labels), small.rate).unwrap());
    }
    let mut w = vec![0.0; weights];
    engine.weights(&mut w).unwrap();
    [losses, w]
}

/// The same of the portable engine.
pub fn portable_steps(small: &Small) -> [Vec<f32>; 2] {
    let graph = small.graph.finish().unwrap();
    let plan = Plan::<ROOM>::new(&graph, Mode::train_with(&small.update), 4);
    let net = plan.net();
    let (mut w, mut s) = (vec![0.0; net.weights()], vec![0.0; net.state()]);
    let mut arena = vec![f32::NAN; net.arena()];
    let memory = Memory { weights: &mut w, state: &mut s, arena: &mut arena };
    let mut portable = Portable::<All, _>::new(net, small.update, memory).unwrap();
    portable.start(&IdInit::PAPER);
    ten_steps(&mut portable, small, net.weights())
}

#[test]
fn ten_steps_are_those_of_the_portable_engine() {
    let Some(device) = device() else { return };
    for small in networks() {
        let graph = small.graph.finish().unwrap();
        // as the command plans for a GPU, at whole lines
        let plan = Plan::<ROOM>::new(&graph, Mode::train_with(&small.update).aligned(64), 4);
        let (net, want) = (plan.net(), portable_steps(&small));
        let mut cuda = Cuda::new(net, small.update, device.ordinal).unwrap();
        cuda.start(&IdInit::PAPER).unwrap();
        let got = ten_steps(&mut cuda, &small, net.weights());
        // weights move by at most 2 in all, and a loss is more than 1
        let allowed = tolerance(Against::CudaSteps, graph.nodes());
        for (got, want) in got.iter().zip(&want) {
            assert_eq!(difference(&wide(got), &wide(want), allowed, 1.0), None, "{}", small.name);
        }
    }
}
