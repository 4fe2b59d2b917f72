//! What the programs do, for every board and for the host: `tests/firmware.rs` has this file too, and
//! what it says here and there must be the same lines.

use super::nets::{CLASSES, Mlp, Residual};
use core::fmt;
use idinit::{
    data::digits::{self, image},
    engine::{Engine, Error, Memory, Portable},
    init::IdInit,
    layer::Uses,
    loss::Target,
    math,
    plan::{Mode, Net, Plan},
    recipe::Fingerprint,
    rule::{Dims, Exact, LengthError, Order, Start},
    update::{Momentum, Sgd, Update},
};

/// Where a program's lines go.
pub type Say<'a> = &'a mut dyn FnMut(fmt::Arguments);

/// Images that go through a network at once: with 4, everything fits into 128 KiB of memory.
const BATCH: usize = 4;
/// Numbers of an image.
const IMAGE: usize = 64;

static MLP: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Momentum>(), BATCH);
static RESIDUAL: Plan<15> = Plan::new(&Residual::GRAPH, Mode::train::<Momentum>(), BATCH);
static MLP_INFER: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::INFER, BATCH);
static RESIDUAL_INFER: Plan<15> = Plan::new(&Residual::GRAPH, Mode::INFER, BATCH);

/// Numbers for the weights of either network; it needs no more for an inference than for training.
pub const WEIGHTS: usize = larger(MLP.weights, RESIDUAL.weights);
/// Numbers for the state of the update.
pub const STATE: usize = larger(MLP.state, RESIDUAL.state);
/// Numbers for what flows between layers.
pub const ARENA: usize = larger(MLP.arena, RESIDUAL.arena);

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// A matrix of 64×64.
pub type Matrix = [f32; 64 * 64];

const IDENTITY: Exact = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };
const DIMS: Dims = match Dims::dense(64, 64) {
    Ok(dims) => dims,
    Err(_) => unreachable!(),
};

/// Writes the identity.
pub fn identity(weights: &mut Matrix) -> Result<(), LengthError> {
    IDENTITY.fill(DIMS, weights)
}

/// Writes an identity and the start of either network.
pub fn init(memory: Memory, say: Say) -> Result<(), Error> {
    let mut matrix = [f32::NAN; 64 * 64];
    if identity(&mut matrix).is_ok() {
        say(format_args!("fingerprint identity-64x64 {}\n", Fingerprint::of(&matrix)));
    }
    let Memory { weights, state, arena } = memory;
    let mlp = Memory { weights, state, arena };
    started::<Mlp>("mlp", MLP_INFER.net(), mlp, say)?;
    let residual = Memory { weights, state, arena };
    started::<Residual>("residual", RESIDUAL_INFER.net(), residual, say)?;
    Ok(())
}

/// Starts either network and runs the first test images through it.
pub fn infer(memory: Memory, say: Say) -> Result<(), Error> {
    say(format_args!("exp and ln by {}\n", math::NAME));
    let Memory { weights, state, arena } = memory;
    let mlp = Memory { weights, state, arena };
    let mut mlp = started::<Mlp>("mlp", MLP_INFER.net(), mlp, say)?;
    outputs("mlp-outputs", &mut mlp, say)?;
    let residual = Memory { weights, state, arena };
    let mut residual = started::<Residual>("residual", RESIDUAL_INFER.net(), residual, say)?;
    outputs("residual-outputs", &mut residual, say)
}

/// Starts a network from IDInit, and says what its weights are.
fn started<'a, S: Uses>(
    name: &str,
    net: Net<'a>,
    memory: Memory<'a>,
    say: Say,
) -> Result<Portable<'a, S, Sgd>, Error> {
    let mut engine = Portable::new(net, Sgd::default(), memory)?;
    engine.start(&IdInit::PAPER);
    say(format_args!("fingerprint {name} {}\n", Fingerprint::of(engine.all_weights())));
    Ok(engine)
}

fn outputs<S: Uses>(name: &str, engine: &mut Portable<'_, S, Sgd>, say: Say) -> Result<(), Error> {
    let (mut batch, mut y) = (Batch::EMPTY, [0.0; CLASSES * BATCH]);
    batch.take((0..BATCH).map(digits::test));
    engine.infer(&batch.x, &mut y)?;
    say(format_args!("fingerprint {name} {}\n", Fingerprint::of(&y)));
    Ok(())
}

/// How much is trained. A board without a floating-point unit does less in the same time.
#[derive(Clone, Copy)]
pub struct Work {
    /// How often every image is seen.
    pub epochs: usize,
    /// How many of the training images there are.
    pub images: usize,
    /// How many of the test images are asked.
    pub tests: usize,
}

impl Work {
    /// All of the digits.
    pub const FULL: Self = Self { epochs: 5, images: digits::TRAIN, tests: digits::TEST };
    /// A tenth of them, once.
    pub const SHORT: Self =
        Self { epochs: 1, images: digits::TRAIN / 10, tests: digits::TEST / 10 };
    /// A step, for an emulator.
    pub const BRIEF: Self = Self { epochs: 1, images: 2, tests: 1 };
}

/// The first learning rate; it falls linearly to 0.
const RATE: f32 = 0.0125;
const UPDATE: Momentum = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };

/// Trains either network from IDInit.
pub fn train(work: Work, memory: Memory, say: Say) -> Result<(), Error> {
    say(format_args!("exp and ln by {}\n", math::NAME));
    let Memory { weights, state, arena } = memory;
    let mlp = Memory { weights, state, arena };
    trained::<Mlp>("mlp", MLP.net(), mlp, work, say)?;
    let residual = Memory { weights, state, arena };
    trained::<Residual>("residual", RESIDUAL.net(), residual, work, say)
}

fn trained<S: Uses>(
    name: &str,
    net: Net<'_>,
    memory: Memory<'_>,
    work: Work,
    say: Say,
) -> Result<(), Error> {
    let mut engine = Portable::<S, _>::new(net, UPDATE, memory)?;
    engine.start(&IdInit::PAPER);
    let mut batch = Batch::EMPTY;
    let batches = work.images.div_ceil(BATCH);
    for epoch in 0..work.epochs {
        let (mut order, mut loss) = (shuffled(work.images, epoch), 0.0);
        for step in epoch * batches..(epoch + 1) * batches {
            let count = batch.take(order.by_ref().take(BATCH).map(digits::train));
            let (x, labels) = (&batch.x[..IMAGE * count], &batch.labels[..count]);
            let left = 1.0 - step as f32 / (work.epochs * batches) as f32;
            loss += engine.train(x, Target::Labels(labels), RATE * left)? * count as f32;
        }
        let (loss, right) = (loss / work.images as f32, right(&mut engine, work.tests)?);
        let epoch = epoch + 1;
        say(format_args!("epoch {epoch} {name} loss {loss} right {right} of {}\n", work.tests));
    }
    say(format_args!("fingerprint {name} {}\n", Fingerprint::of(engine.all_weights())));
    Ok(())
}

/// How many of the first test images a network tells right.
fn right<S: Uses, U: Update>(
    engine: &mut Portable<'_, S, U>,
    tests: usize,
) -> Result<usize, Error> {
    let (mut batch, mut y) = (Batch::EMPTY, [0.0; CLASSES * BATCH]);
    let (mut images, mut right) = ((0..tests).map(digits::test), 0);
    loop {
        let count = batch.take(images.by_ref().take(BATCH));
        if count == 0 {
            return Ok(right);
        }
        engine.infer(&batch.x[..IMAGE * count], &mut y[..CLASSES * count])?;
        let told = y.chunks(CLASSES).zip(&batch.labels[..count]);
        right += told.filter(|(y, label)| largest(y) == **label as usize).count();
    }
}

/// Which of some numbers is the largest; the first, if there are several.
pub fn largest(y: &[f32]) -> usize {
    let best = y.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(i, _)| i)
}

/// Images and their labels.
struct Batch {
    x: [f32; IMAGE * BATCH],
    labels: [u32; BATCH],
}

impl Batch {
    const EMPTY: Self = Self { x: [0.0; IMAGE * BATCH], labels: [0; BATCH] };

    /// Unpacks the images of these places, and returns how many they are.
    fn take(&mut self, places: impl Iterator<Item = usize>) -> usize {
        let rows = self.x.as_chunks_mut().0.iter_mut().zip(&mut self.labels);
        let taken = places.zip(rows).map_while(|(place, (x, label))| {
            *label = image(place, x)?;
            Some(())
        });
        taken.count()
    }
}

/// The numbers below `count` in an order that each epoch has for itself and that needs no memory: a
/// linear congruential generator goes once through all numbers below a power of two (Hull and Dobell
/// 1962: its factor is 1 more than a multiple of 4, its summand odd), and those from `count` on are
/// left out.
fn shuffled(count: usize, epoch: usize) -> impl Iterator<Item = usize> {
    let all = count.next_power_of_two();
    let summand = 2 * epoch + 1;
    core::iter::successors(Some(0), move |k| Some((k * 1_021 + summand) % all))
        .take(all)
        .filter(move |&k| k < count)
}
