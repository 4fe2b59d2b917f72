//! The regions whose instructions and stack are measured; `boards/measure.sh` runs this.
//!
//! Another region is another call of [`region`] here and its lines in `boards/ceilings.txt`.

use crate::{
    Board, Lend,
    gestures::{self, SETTINGS},
    measure::{region, report},
    n1_int8, n2_int8,
    nets::{Autoencoder, CLASSES, Cnn, Gestures, Large, Mlp, Residual},
    programs::identity,
    recipe::{DELTA, LAYER, PAGE, PLAN, ROW, Refused, apply, begun},
    sine_int8,
};
use core::hint::black_box;
use idinit::{
    data::digits::{image, train},
    engine::{Engine, Error, Memory, Portable, Unstored},
    init::IdInit,
    int8::{self, Int8, Links},
    layer::{Kind, LayerSet, Uses},
    loss::Target,
    plan::{Mode, Net, Plan},
    recipe::Fingerprint,
    update::{Momentum, Sgd, Update},
};

static N1_INFER: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::INFER, 1);
static N1_SGD: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);
static N1_MOMENTUM: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Momentum>(), 1);
static N2_INFER: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::INFER, 1);
static N2_SGD: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::train::<Sgd>(), 1);
static N2_LAST: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::train::<Sgd>().last(1), 1);
static N2_VECTORS: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::train::<Sgd>().vectors().masked(), 1);
static READINGS_SGD: Plan<3> = Plan::new(&Autoencoder::GRAPH, Mode::train::<Sgd>(), 1);
static READINGS_MOMENTUM: Plan<3> = Plan::new(&Autoencoder::GRAPH, Mode::train::<Momentum>(), 1);
static RESIDUAL: Plan<15> = Plan::new(&Residual::GRAPH, Mode::train::<Momentum>(), 1);
static GESTURES_INFER: Plan<11> = Plan::new(&Gestures::GRAPH, Mode::INFER, 1);
static GESTURES_LAST: Plan<11> = Plan::new(&Gestures::GRAPH, Mode::train::<Sgd>().last(1), 1);
static LARGE: Plan<8> = Plan::new(&Large::GRAPH, Mode::train::<Momentum>(), 1);

/// [`Cnn`] with rectifiers that keep bits.
enum Masked {}

impl Uses for Masked {
    const SET: LayerSet = Cnn::SET.with(Kind::MaskedRelu);
}

const MOMENTUM: Momentum = Momentum { momentum: 0.9, decay: 0.0, nesterov: false };
/// Steps before the measured one, so that the weights are no longer mostly zeros.
const STEPS: usize = 50;
const RATE: f32 = 0.01;
/// Numbers of the largest picture.
const PICTURE: usize = 256;

/// More than any of the plans needs; an engine uses what its plan says.
static WEIGHTS: Lend<[f32; 8192]> = Lend::new([0.0; 8192]);
static STATE: Lend<[f32; 8192]> = Lend::new([0.0; 8192]);
static ARENA: Lend<[f32; 16384]> = Lend::new([0.0; 16384]);

/// The whole program.
pub fn run<B: Board>() -> ! {
    B::exit(if count::<B>().is_some() { 0 } else { 1 })
}

fn count<B: Board>() -> Option<()> {
    let memory =
        &mut Memory { weights: WEIGHTS.take()?, state: STATE.take()?, arena: ARENA.take()? };

    let matrix = memory.weights.first_chunk_mut()?;
    region::<B, _>("fill-64x64", || identity(black_box(matrix))).0.ok()?;

    let net = N1_SGD.net();
    training::<B, Mlp, _>("n1-train-sgd", "ram-n1-sgd", &net, Sgd::default(), memory)?;
    inference::<B, Mlp>("n1-infer", &N1_INFER.net(), memory)?;
    let net = N1_MOMENTUM.net();
    training::<B, Mlp, _>("n1-train-momentum", "ram-n1-momentum", &net, MOMENTUM, memory)?;
    let net = N2_SGD.net();
    training::<B, Cnn, _>("n2-train-sgd", "ram-n2-sgd", &net, Sgd::default(), memory)?;
    inference::<B, Cnn>("n2-infer", &N2_INFER.net(), memory)?;
    let net = N2_LAST.net();
    training::<B, Cnn, _>("n2-train-last", "ram-n2-last", &net, Sgd::default(), memory)?;
    let net = N2_VECTORS.net();
    training::<B, Masked, _>("n2-train-vectors", "ram-n2-vectors", &net, Sgd::default(), memory)?;
    let net = READINGS_SGD.net();
    readings::<B, _>("readings-sgd", "ram-readings-sgd", &net, Sgd::default(), memory)?;
    let net = READINGS_MOMENTUM.net();
    readings::<B, _>("readings-momentum", "ram-readings-momentum", &net, MOMENTUM, memory)?;
    let net = RESIDUAL.net();
    training::<B, Residual, _>("residual-8x8", "ram-residual-8x8", &net, MOMENTUM, memory)?;
    let net = LARGE.net();
    training::<B, Large, _>("residual-16x16", "ram-residual-16x16", &net, MOMENTUM, memory)?;
    let last = ("gestures-train-last", "ram-gestures-last");
    exercise::<B>(last, &GESTURES_LAST.net(), memory)?;
    exercise::<B>(("gestures-train", "ram-gestures"), &gestures::PLAN.net(), memory)?;
    exercised::<B>("gestures-infer", &GESTURES_INFER.net(), memory)?;
    proved::<B>()?;
    unstored::<B>(("n1-unstored-row", "ram-n1-row"), ROW, memory)?;
    unstored::<B>(("n1-unstored-layer", "ram-n1-layer"), LAYER, memory)?;
    int8::<B, n1_int8::Layers>("n1-int8", n1_int8::PLAN.net())?;
    int8::<B, n2_int8::Layers>("n2-int8", n2_int8::PLAN.net())?;
    int8::<B, sine_int8::Layers>("sine-int8", sine_int8::PLAN.net())
}

/// An engine on memory that is lent to it for one measurement.
fn engine<'a, S: Uses, U: Update>(
    net: &Net<'a>,
    update: U,
    memory: &'a mut Memory<'static>,
) -> Result<Portable<'a, S, U>, Error> {
    let Memory { weights, state, arena } = memory;
    Portable::new(*net, update, Memory { weights, state, arena })
}

/// One step behind [`STEPS`] others. Its memory is the plan's buffers, one image, and the stack.
#[inline(never)]
fn training<B: Board, S: Uses, U: Update>(
    name: &str,
    ram: &str,
    net: &Net<'_>,
    update: U,
    memory: &mut Memory<'static>,
) -> Option<()> {
    let mut engine = engine::<S, U>(net, update, memory).ok()?;
    engine.start(&IdInit::PAPER);
    let mut picture = [0.0; PICTURE];
    let x = picture.get_mut(..net.input().len())?;
    for k in 0..STEPS {
        let label = digit(train(k), x)?;
        engine.train(x, Target::Labels(&[label]), black_box(RATE)).ok()?;
    }
    let label = [digit(train(STEPS), x)?];
    let step = || engine.train(black_box(x), Target::Labels(black_box(&label)), black_box(RATE));
    let (loss, stack) = region::<B, _>(name, step);
    loss.ok()?;
    let numbers = net.weights() + net.state() + net.arena() + x.len();
    report::<B>("ram", ram, 4 * numbers + stack);
    Some(())
}

/// The same of an autoencoder, whose target is its input.
#[inline(never)]
fn readings<B: Board, U: Update>(
    name: &str,
    ram: &str,
    net: &Net<'_>,
    update: U,
    memory: &mut Memory<'static>,
) -> Option<()> {
    let mut engine = engine::<Autoencoder, U>(net, update, memory).ok()?;
    engine.start(&IdInit::PAPER);
    let mut x = [0.0; 64];
    for k in 0..STEPS {
        image(train(k), &mut x)?;
        engine.train(&x, Target::Values(&x), black_box(RATE)).ok()?;
    }
    let step = || engine.train(black_box(&x), Target::Values(black_box(&x)), black_box(RATE));
    let (loss, stack) = region::<B, _>(name, step);
    loss.ok()?;
    let numbers = net.weights() + net.state() + net.arena() + x.len();
    report::<B>("ram", ram, 4 * numbers + stack);
    Some(())
}

/// Unpacks a digit into a picture of 8 × 8, or into the middle of a larger one, and returns its label.
fn digit(place: usize, x: &mut [f32]) -> Option<u32> {
    let mut small = [0.0; 64];
    let label = image(place, &mut small)?;
    let side = if x.len() == PICTURE { 16 } else { 8 };
    let edge = (side - 8) / 2;
    for (row, pixels) in small.chunks(8).enumerate() {
        let at = (edge + row) * side + edge;
        x.get_mut(at..at + 8)?.copy_from_slice(pixels);
    }
    Some(label)
}

/// One image through the weights that training left.
#[inline(never)]
fn inference<B: Board, S: Uses>(
    name: &str,
    net: &Net<'_>,
    memory: &mut Memory<'static>,
) -> Option<()> {
    let mut engine = engine::<S, Sgd>(net, Sgd::default(), memory).ok()?;
    let (mut x, mut y) = ([0.0; 64], [0.0; CLASSES]);
    image(train(STEPS), &mut x)?;
    region::<B, _>(name, || engine.infer(black_box(&x), black_box(&mut y))).0.ok()
}

/// One step of the watch behind [`STEPS`] others, and its memory without the examples that it keeps.
#[inline(never)]
fn exercise<B: Board>(
    (name, ram): (&str, &str),
    net: &Net<'_>,
    memory: &mut Memory<'static>,
) -> Option<()> {
    let mut engine = engine::<Gestures, _>(net, Sgd::default(), memory).ok()?;
    engine.start(&IdInit::PAPER);
    let mut x = [0.0; Gestures::WINDOW];
    for k in 0..STEPS {
        let label = moved(k, &mut x)?;
        engine.train(&x, Target::Labels(&[label]), black_box(SETTINGS.rate)).ok()?;
    }
    let label = [moved(STEPS, &mut x)?];
    let step = || engine.train(black_box(&x), Target::Labels(black_box(&label)), black_box(RATE));
    let (loss, stack) = region::<B, _>(name, step);
    loss.ok()?;
    let numbers = net.weights() + net.state() + net.arena() + x.len();
    report::<B>("ram", ram, 4 * numbers + stack);
    Some(())
}

/// One window through the weights that training left.
#[inline(never)]
fn exercised<B: Board>(name: &str, net: &Net<'_>, memory: &mut Memory<'static>) -> Option<()> {
    let mut engine = engine::<Gestures, Sgd>(net, Sgd::default(), memory).ok()?;
    let (mut x, mut y) = ([0.0; Gestures::WINDOW], [0.0; Gestures::CLASSES]);
    moved(STEPS, &mut x)?;
    region::<B, _>(name, || engine.infer(black_box(&x), black_box(&mut y))).0.ok()
}

/// A window that is made of pictures of digits, since firmware has no recordings, and a label.
fn moved(k: usize, x: &mut [f32; Gestures::WINDOW]) -> Option<u32> {
    let mut picture = [0.0; 64];
    for (place, part) in (k..).zip(x.chunks_mut(picture.len())) {
        image(train(place), &mut picture)?;
        part.iter_mut().zip(&picture).for_each(|(x, pixel)| *x = 2.0 * pixel - 1.0);
    }
    Some((k % Gestures::CLASSES) as u32)
}

/// The fingerprint of a start, and a delta onto it, by pages of [`PAGE`] numbers.
#[inline(never)]
fn proved<B: Board>() -> Option<()> {
    let initial = begun(black_box(IdInit::PAPER));
    let mut page = [0.0; PAGE];
    let fingerprint = || Fingerprint::of_initial(black_box(&initial), &mut page);
    region::<B, _>("n1-fingerprint", fingerprint).0.ok()?;
    let delta = black_box(DELTA).iter().copied();
    let flash = |at, page: &[f32]| {
        black_box((at, page));
    };
    region::<B, _>("n1-delta", || apply(black_box(&initial), delta, flash)).0.ok()
}

/// One image through a start that is not stored, with a window of so many numbers.
#[inline(never)]
fn unstored<B: Board>(
    (name, ram): (&str, &str),
    window: usize,
    memory: &mut Memory<'static>,
) -> Option<()> {
    let initial = begun(black_box(IdInit::PAPER));
    let rule = |at: usize, w: &mut [f32]| initial.fill_window(at, w).map_err(Refused::from);
    let (window, net) = (memory.weights.get_mut(..window)?, PLAN.net());
    let numbers = window.len() + net.arena() + 64;
    let mut engine = Unstored::<Mlp, _>::new(net, rule, window, memory.arena).ok()?;
    let (mut x, mut y) = ([0.0; 64], [0.0; CLASSES]);
    image(train(STEPS), &mut x)?;
    let (done, stack) = region::<B, _>(name, || engine.infer(black_box(&x), black_box(&mut y)));
    done.ok()?;
    report::<B>("ram", ram, 4 * numbers + stack);
    Some(())
}

/// One input in whole numbers of 8 bits.
#[inline(never)]
fn int8<B: Board, L: Links>(name: &str, net: int8::Net<'_>) -> Option<()> {
    let mut arena = [0; 2048];
    let mut engine = Int8::<L>::new(net, &mut arena).ok()?;
    black_box(engine.input_mut()).fill(1);
    region::<B, _>(name, || black_box(&mut engine).run());
    Some(())
}
