//! The proof that what a firmware calls never panics: were it otherwise, this would not link.

#![no_std]
#![no_main]

use board::Qemu;
use common::{
    Board, Lend, layers_int8, n2_int8,
    nets::{CLASSES, Mlp, Others, Recurrent, Residual, Squared, Tokens},
    programs::identity,
    recipe::{DELTA, PLAN, apply, begun},
    residual_int8,
};
use core::hint::black_box;
use heapless::spsc::Queue;
use idinit::{
    data::digits::image,
    device::{
        learn::{Budget, Examples, Learner, Settings},
        sense::{Sampler, Standard, Windows},
    },
    engine::{Engine, Error, Memory, Portable, Unstored},
    graph::Graph,
    init::{IdInit, Initial},
    int8::{Every, Int8},
    layer::{Kind, Uses},
    loss::Target,
    plan::{Mode, Net, Plan},
    recipe::{Delta, Fingerprint},
    update::{Clip, Momentum, Update},
};

const MOMENTUM: Momentum = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };
const CLIPPED: Clip<Momentum> = Clip { update: MOMENTUM, most: 1.0 };

static MLP: [Plan<5>; 2] = plans(&Mlp::GRAPH);
static RESIDUAL: [Plan<15>; 2] = plans(&Residual::GRAPH);
static OTHERS: [Plan<16>; 2] = plans(&Others::GRAPH);
static TOKENS: [Plan<13>; 2] = plans(&Tokens::GRAPH);
static RECURRENT: [Plan<5>; 2] = plans(&Recurrent::GRAPH);
static SQUARED: [Plan<3>; 2] = plans(&Squared::GRAPH);

static WEIGHTS: Lend<[f32; 8192]> = Lend::new([0.0; 8192]);
static STATE: Lend<[f32; 16384]> = Lend::new([0.0; 16384]);
static ARENA: Lend<[f32; 8192]> = Lend::new([0.0; 8192]);

/// A network's plans for either update.
const fn plans<const N: usize>(graph: &Graph<N>) -> [Plan<N>; 2] {
    [
        Plan::new(graph, Mode::train::<Momentum>(), 1),
        Plan::new(graph, Mode::train::<Clip<Momentum>>(), 1),
    ]
}

/// The networks have every layer between them.
const _: () = {
    let mut layer = 0;
    while layer < Kind::ALL.len() {
        let kind = Kind::ALL[layer];
        let old = Mlp::SET.has(kind) || Residual::SET.has(kind) || Tokens::SET.has(kind);
        let lines = Recurrent::SET.has(kind);
        let proved = old || lines || Others::SET.has(kind) || Squared::SET.has(kind);
        assert!(proved, "a layer is not proved");
        layer += 1;
    }
};

#[cortex_m_rt::entry]
fn main() -> ! {
    Qemu::exit(if everything().is_some() { 0 } else { 1 })
}

fn everything() -> Option<()> {
    let memory =
        &mut Memory { weights: WEIGHTS.take()?, state: STATE.take()?, arena: ARENA.take()? };
    identity(black_box(memory.weights.first_chunk_mut()?)).ok()?;
    let mut x = [0.0; 64];
    let label = [image(black_box(7), &mut x)?];
    let labels = (&x[..], Target::Labels(&label));
    both::<Mlp, _>(&MLP, labels, memory)?;
    both::<Residual, _>(&RESIDUAL, labels, memory)?;
    both::<Others, _>(&OTHERS, labels, memory)?;
    both::<Tokens, _>(&TOKENS, (&[1.0; 64], labels.1), memory)?;
    both::<Recurrent, _>(&RECURRENT, labels, memory)?;
    both::<Squared, _>(&SQUARED, (&x, Target::Values(&[0.5; CLASSES])), memory)?;
    whole_numbers()?;
    learnt(memory)?;
    patched(memory)
}

/// A device that learns from windows of two axes by momentum, with examples, labels, batch and budget of which
/// the compiler is told nothing.
fn learnt(Memory { weights, state, arena }: &mut Memory<'static>) -> Option<()> {
    let (arena, inputs) = arena.split_at_mut_checked(black_box(4096))?;
    let memory = Memory { weights, state, arena };
    let engine = Portable::<Mlp, _>::new(*black_box(&MLP[0].net()), MOMENTUM, memory).ok()?;
    let start: Initial<'_, _, Mlp> = Initial::new(engine.net().nodes(), IdInit::PAPER);
    let settings =
        Settings { batch: black_box(1), by_class: black_box(true), ..Settings::default() };
    let mut labels = [0; 64];
    let examples = Examples { inputs: black_box(inputs), labels: black_box(&mut labels) };
    let mut learner = Learner::<_, _, _, CLASSES>::new(engine, start, examples, settings).ok()?;

    let mut queue = Queue::<_, 8>::new();
    let (mut producer, mut consumer) = queue.split();
    let mut sampler = Sampler::new(|| Ok::<_, ()>(black_box([1.0, -1.0])));
    let mut windows = Windows::<2, 32>::new(black_box(5), Standard::new(black_box(100)));
    for _ in 0..black_box(100) {
        let _ = sampler.tick(&mut producer);
        let Some(window) = windows.drain(&mut consumer) else { continue };
        let x = window.as_flattened();
        let _ = black_box(learner.infer(x));
        let _ = black_box(learner.label(x, black_box(3)));
        let budget = Budget::micros(black_box(100), || black_box(1)).and_steps(black_box(5));
        let _ = learner.work(budget, |metrics| {
            black_box(metrics.recent());
        });
    }
    black_box((windows.counts(), windows.standard.numbers_mut(), learner.weights()));
    Some(())
}

/// Every kind of layer in whole numbers of 8 bits, in networks of which the compiler is told nothing.
fn whole_numbers() -> Option<()> {
    let (mut arena, mut y) = ([0; 4096], [0.0; CLASSES]);
    for net in [layers_int8::PLAN.net(), residual_int8::PLAN.net(), n2_int8::PLAN.net()] {
        let mut engine = Int8::<Every>::new(black_box(net), black_box(&mut arena)).ok()?;
        engine.infer(black_box(&[0.5; 64]), black_box(&mut y)).ok()?;
        engine.features(black_box(1), black_box(&[0.5; 64]), black_box(&mut y)).ok()?;
    }
    Some(())
}

/// A delta of any kind from bytes of which the compiler is told nothing, by pages of any size.
fn patched(Memory { weights, .. }: &mut Memory<'static>) -> Option<()> {
    let initial = begun(black_box(IdInit::PAPER));
    let delta = || black_box(DELTA).iter().copied();
    apply(&initial, delta(), |at, page| {
        black_box((at, page));
    })
    .ok()?;

    let page = weights.get_mut(..black_box(PLAN.weights))?;
    let start = Fingerprint::of_initial(&initial, page).ok()?;
    initial.tensors().try_for_each(|tensor| {
        black_box(Fingerprint::of_tensor(&initial, black_box(&tensor), page).ok()?);
        Some(())
    })?;
    let delta = Delta::<_>::open(delta()).ok()?;
    black_box(delta.header().recipe?.as_bytes());
    let mut patch = delta.onto(black_box(start), black_box(page.len())).ok()?;
    initial.fill_window(black_box(0), page).ok()?;
    patch.apply(black_box(page)).ok()?;
    patch.finish().ok()?;
    Some(())
}

/// A step with either update.
fn both<S: Uses, const N: usize>(
    [plain, clipped]: &[Plan<N>; 2],
    example: (&[f32], Target<'_>),
    memory: &mut Memory<'static>,
) -> Option<()> {
    step::<S, _>(&plain.net(), MOMENTUM, example, memory)?;
    step::<S, _>(&clipped.net(), CLIPPED, example, memory)
}

/// Start, inference and training of a network of which the compiler is told nothing.
fn step<S: Uses, U: Update>(
    net: &Net<'_>,
    update: U,
    example: (&[f32], Target<'_>),
    Memory { weights, state, arena }: &mut Memory<'static>,
) -> Option<()> {
    let memory = Memory { weights, state, arena };
    let mut engine = Portable::<S, U>::new(*black_box(net), black_box(update), memory).ok()?;
    engine.start(black_box(&IdInit::PAPER));
    let (x, target) = black_box(example);
    engine.infer(x, black_box(&mut [0.0; CLASSES])).ok()?;
    engine.train(x, target, black_box(0.01)).ok()?;
    unstored::<S>(*black_box(net), x, weights, arena)
}

/// Inference from the rule, with a window of any size.
fn unstored<S: Uses>(net: Net<'_>, x: &[f32], window: &mut [f32], arena: &mut [f32]) -> Option<()> {
    let initial: Initial<'_, _, S> = Initial::new(net.nodes(), black_box(IdInit::PAPER));
    let rule = |at, w: &mut [f32]| initial.fill_window(black_box(at), w).map_err(Error::from);
    let window = window.get_mut(..black_box(8192))?;
    let mut engine = Unstored::<S, _>::new(net, rule, window, arena).ok()?;
    engine.infer(x, black_box(&mut [0.0; CLASSES])).ok()
}
