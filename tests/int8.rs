//! Networks in whole numbers of 8 bits: trained here in f32, quantised, and held against what they were.
//!
//! With `IDINIT_WRITE_INT8=1` the modules that the boards run are written.

#![cfg(feature = "std")]

#[allow(dead_code)] // some of it is for the boards only
#[path = "../boards/common/src/nets.rs"]
mod nets;

use idinit::data::digits::{TEST, TRAIN, image, test, train};
use idinit::engine::{Engine, Memory, Portable};
use idinit::graph::{Graph, Node, Role};
use idinit::init::{IdInit, Initial, Named, Scheme};
use idinit::int8::convert::{Options, Quantized, Ranges, rules};
use idinit::int8::{Every, Int8};
use idinit::layer::{All, AveragePool, Conv2d, Layer, LayerSet, Uses};
use idinit::loss::Target;
use idinit::plan::{Mode, Net, Plan};
use idinit::shape::Shape;
use idinit::update::{Adam, Sgd};
use nets::{Cnn, Mlp, Residual};
use std::{env, fs, path::Path};

/// The digits of one part, one after the other.
fn digits(count: usize, place: fn(usize) -> usize) -> impl Iterator<Item = ([f32; 64], u32)> {
    (0..count).map(move |k| {
        let mut x = [0.0; 64];
        let label = image(place(k), &mut x).unwrap();
        (x, label)
    })
}

fn largest<T: PartialOrd + Copy>(y: &[T]) -> u32 {
    (1..y.len()).fold(0, |best, i| if y[i] > y[best] { i } else { best }) as u32
}

/// Trains a network on the digits for eight epochs from IDInit, one image at a time.
fn learn<S: Uses>(net: Net<'_>, rate: f32) -> Vec<f32> {
    let (mut weights, mut arena) = (vec![0.0; net.weights()], vec![0.0; net.arena()]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let mut engine = Portable::<S, _>::new(net, Sgd::default(), memory).unwrap();
    engine.start(&IdInit::PAPER);
    for epoch in 0..8 {
        for (x, label) in digits(TRAIN, train) {
            let rate = rate * (1.0 - epoch as f32 / 8.0);
            engine.train(&x, Target::Labels(&[label]), rate).unwrap();
        }
    }
    engine.all_weights().to_vec()
}

fn mlp() -> Vec<f32> {
    let plan: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);
    learn::<Mlp>(plan.net(), 0.01)
}

fn cnn() -> Vec<f32> {
    let plan: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::train::<Sgd>(), 1);
    learn::<Cnn>(plan.net(), 0.01)
}

/// What TensorFlow Lite for Microcontrollers says hello with: the sine of a number from 0 to 2 π.
const SINE: Graph<5> =
    Graph::input(Shape::vector(1)).dense(16).relu().dense(16).relu().dense(1).squared_error();

enum Sine {}

impl Uses for Sine {
    const SET: LayerSet = SINE.uses();
}

const TURN: f32 = core::f32::consts::TAU;

fn angles(count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(move |k| TURN * (k as f32 + 0.5) / count as f32)
}

/// An identity start would make all neurons of the first layer alike, so this one is drawn.
fn sine() -> Vec<f32> {
    const BATCH: usize = 64;
    let plan: Plan<5> = Plan::new(&SINE, Mode::train::<Adam>(), BATCH);
    let net = plan.net();
    let [mut weights, mut state, mut arena] =
        [net.weights(), net.state(), net.arena()].map(|len| vec![0.0; len]);
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let mut engine = Portable::<Sine, _>::new(net, Adam::default(), memory).unwrap();
    engine.start(&Named::parse("torch", 3).unwrap());
    let xs: Vec<f32> = angles(1024).collect();
    for epoch in 0..300 {
        for step in 0..16 {
            // every sixteenth angle, in turn
            let x: Vec<f32> = xs.iter().skip(step).step_by(16).copied().collect();
            let y: Vec<f32> = x.iter().map(|x| libm_sin(*x)).collect();
            let rate = 0.01 * (1.0 - epoch as f32 / 300.0);
            engine.train(&x, Target::Values(&y), rate).unwrap();
        }
    }
    engine.all_weights().to_vec()
}

/// The sine by its series, to f32's precision: the same on every machine.
fn libm_sin(x: f32) -> f32 {
    let x = f64::from(x);
    let (mut term, mut sum) = (x, x);
    for k in 1..20 {
        term *= -x * x / f64::from(2 * k * (2 * k + 1));
        sum += term;
    }
    sum as f32
}

fn quantized<'a>(
    nodes: &[Node],
    weights: &[f32],
    data: impl Iterator<Item = &'a [f32]>,
    options: &Options<'_>,
) -> Quantized {
    let mut ranges = Ranges::new(nodes);
    for x in data {
        ranges.see(nodes, weights, x).unwrap();
    }
    Quantized::of(nodes, weights, &ranges, options).unwrap()
}

fn of_digits(nodes: &[Node], weights: &[f32], options: &Options<'_>) -> Quantized {
    let data: Vec<[f32; 64]> = digits(TRAIN, train).map(|(x, _)| x).collect();
    quantized(nodes, weights, data.iter().map(|x| &x[..]), options)
}

/// How many test digits are told right in f32 and in int8.
fn right(net: Net<'_>, weights: &[f32], quantized: &Quantized) -> [usize; 2] {
    let (mut weights, mut arena) = (weights.to_vec(), vec![0.0; net.arena()]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let mut engine = Portable::<All, _>::new(net, Sgd::default(), memory).unwrap();
    let lent = quantized.lend().unwrap();
    let mut bytes = vec![0; lent.arena()];
    let mut int8 = Int8::<Every>::new(lent.net(), &mut bytes).unwrap();
    let (mut right, mut y) = ([0; 2], [0.0; 10]);
    for (x, label) in digits(TEST, test) {
        engine.infer(&x, &mut y).unwrap();
        right[0] += usize::from(largest(&y) == label);
        int8.infer(&x, &mut y).unwrap();
        right[1] += usize::from(largest(&y) == label);
    }
    right
}

/// A module of the boards is what comes out here; with `IDINIT_WRITE_INT8=1`, it is written.
fn kept(name: &str, quantized: &Quantized, about: &str) {
    let source = quantized.rust(about).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards/common/src").join(name);
    if env::var_os("IDINIT_WRITE_INT8").is_some_and(|value| value == "1") {
        fs::write(&path, &source).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == source, "{} has other numbers", path.display());
}

#[test]
fn the_fully_connected_network_tells_digits_in_int8() {
    let plan: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::INFER, 1);
    let weights = mlp();
    let quantized = of_digits(Mlp::GRAPH.nodes(), &weights, &Options::default());
    let [f32s, int8] = right(plan.net(), &weights, &quantized);
    println!("mlp: f32 {f32s}, int8 {int8} of {TEST}");
    assert!(f32s * 100 >= TEST * 90 && int8 + 4 >= f32s, "{f32s} {int8}");
    kept("n1_int8.rs", &quantized, "64-32-32-10, trained on the digits and quantised.");
}

#[test]
fn the_convolutions_tell_digits_in_int8() {
    let plan: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::INFER, 1);
    let weights = cnn();
    let quantized = of_digits(Cnn::GRAPH.nodes(), &weights, &Options::default());
    let [f32s, int8] = right(plan.net(), &weights, &quantized);
    println!("cnn: f32 {f32s}, int8 {int8} of {TEST}");
    assert!(f32s * 100 >= TEST * 94 && int8 + 4 >= f32s, "{f32s} {int8}");
    kept(
        "n2_int8.rs",
        &quantized,
        "Two convolutions of 8 channels, trained on the digits and quantised.",
    );
}

#[test]
fn the_sine_comes_out_in_int8() {
    let weights = sine();
    let xs: Vec<f32> = angles(512).collect();
    let quantized = quantized(SINE.nodes(), &weights, xs.chunks(1), &Options::default());
    let lent = quantized.lend().unwrap();
    let mut arena = vec![0; lent.arena()];
    let mut int8 = Int8::<Every>::new(lent.net(), &mut arena).unwrap();
    let mut worst = 0.0_f32;
    for x in angles(777) {
        let mut y = [0.0];
        int8.infer(&[x], &mut y).unwrap();
        worst = worst.max((y[0] - libm_sin(x)).abs());
    }
    println!("sine: {worst} off at worst");
    assert!(worst < 0.1, "{worst}");
    kept(
        "sine_int8.rs",
        &quantized,
        "The sine of a number from 0 to 2 π: 1-16-16-1, trained and quantised.",
    );
}

fn start(nodes: &[Node], scheme: impl Scheme) -> Vec<f32> {
    let initial: Initial<'_, _> = Initial::new(nodes, scheme);
    let mut start = vec![0.0; initial.len()];
    initial.fill_window(0, &mut start).unwrap();
    start
}

/// A residual network as it starts: none of its weights takes flash.
#[test]
fn a_start_takes_no_flash_for_its_weights() {
    let nodes = Residual::GRAPH.nodes();
    let rules = rules(nodes, IdInit::PAPER);
    let options = Options { rules: &rules, softmax: false };
    let quantized = of_digits(nodes, &start(nodes, IdInit::PAPER), &options);
    let source = quantized.rust("").unwrap();
    assert!(source.contains("Weights::Rule") && !source.contains("Weights::Stored"), "{source}");
    kept(
        "residual_int8.rs",
        &quantized,
        "A residual network as IDInit starts it: no weight is stored.",
    );
}

/// The layers that the other networks of the boards lack, with drawn weights.
#[test]
fn the_boards_have_a_network_of_the_other_layers() {
    let conv = |out, kernel, stride, groups| {
        let padding = [kernel / 2; 2];
        let (kernel, stride) = ([kernel; 2], [stride; 2]);
        Layer::Conv2d(Conv2d { out, kernel, stride, padding, groups, bias: true })
    };
    let g = Graph::<16>::input(Shape::hwc(8, 8, 1)).then(conv(6, 3, 1, 1)).relu();
    let g = g.then(conv(12, 3, 2, 2)).batch_norm().relu().then(conv(12, 3, 1, 12)).relu();
    let skip = g.here();
    let pairs = AveragePool { kernel: [2, 2], stride: [1, 1] };
    let g = g.then(conv(12, 1, 1, 1)).add(skip).relu().then(Layer::AveragePool(pairs));
    let g = g.dense(10);
    let both = g.here();
    let g = g.relu().add(both).role(Role::Main);
    let nodes = g.nodes();
    let options = Options { softmax: true, ..Options::default() };
    let quantized = of_digits(nodes, &start(nodes, Named::parse("torch", 1).unwrap()), &options);
    kept("layers_int8.rs", &quantized, "Layers that other networks lack, with drawn weights.");
}
