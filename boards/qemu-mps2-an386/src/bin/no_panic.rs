//! The proof that what a firmware calls never panics: were it otherwise, this would not link.

#![no_std]
#![no_main]

use board::Qemu;
use common::{
    Board, Lend,
    nets::{CLASSES, Mlp, Residual},
    programs::identity,
};
use core::hint::black_box;
use idinit::{
    data::digits::image,
    engine::{Engine, Memory, Portable},
    init::IdInit,
    layer::Uses,
    loss::Target,
    plan::{Mode, Net, Plan},
    update::{Clip, Momentum, Update},
};

static MLP: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Momentum>(), 1);
static MLP_CLIPPED: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Clip<Momentum>>(), 1);
static RESIDUAL: Plan<15> = Plan::new(&Residual::GRAPH, Mode::train::<Momentum>(), 1);
static RESIDUAL_CLIPPED: Plan<15> = Plan::new(&Residual::GRAPH, Mode::train::<Clip<Momentum>>(), 1);

const MOMENTUM: Momentum = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };
const CLIPPED: Clip<Momentum> = Clip { update: MOMENTUM, most: 1.0 };

static WEIGHTS: Lend<[f32; 8192]> = Lend::new([0.0; 8192]);
static STATE: Lend<[f32; 16384]> = Lend::new([0.0; 16384]);
static ARENA: Lend<[f32; 8192]> = Lend::new([0.0; 8192]);

#[cortex_m_rt::entry]
fn main() -> ! {
    Qemu::exit(if everything().is_some() { 0 } else { 1 })
}

fn everything() -> Option<()> {
    let memory =
        &mut Memory { weights: WEIGHTS.take()?, state: STATE.take()?, arena: ARENA.take()? };
    identity(black_box(memory.weights.first_chunk_mut()?)).ok()?;
    step::<Mlp, _>(&MLP.net(), MOMENTUM, memory)?;
    step::<Mlp, _>(&MLP_CLIPPED.net(), CLIPPED, memory)?;
    step::<Residual, _>(&RESIDUAL.net(), MOMENTUM, memory)?;
    step::<Residual, _>(&RESIDUAL_CLIPPED.net(), CLIPPED, memory)
}

/// Start, inference and training of a network of which the compiler is told nothing.
fn step<S: Uses, U: Update>(
    net: &Net<'_>,
    update: U,
    Memory { weights, state, arena }: &mut Memory<'static>,
) -> Option<()> {
    let memory = Memory { weights, state, arena };
    let mut engine = Portable::<S, U>::new(*black_box(net), black_box(update), memory).ok()?;
    engine.start(black_box(&IdInit::PAPER));
    let (mut x, mut y) = ([0.0; 64], [0.0; CLASSES]);
    let label = [image(black_box(7), &mut x)?];
    engine.infer(black_box(&x), black_box(&mut y)).ok()?;
    engine.train(black_box(&x), Target::Labels(black_box(&label)), black_box(0.01)).ok()?;
    Some(())
}
