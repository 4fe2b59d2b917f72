//! The least that training needs: plain descent, one image at a time, in the order in which they lie.
//! It prints nothing; what came of it is left in memory, for a debugger.

use crate::{
    Board, Lend,
    nets::{CLASSES, Cnn, Mlp, Sine},
    programs::largest,
};
use idinit::{
    data::digits::{TEST, TRAIN, image, test, train},
    engine::{Engine, Memory, Portable},
    init::IdInit,
    layer::Uses,
    loss::Target,
    plan::{Mode, Net, Plan},
    update::Sgd,
};

static MLP: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);
static MLP_WEIGHTS: Lend<[f32; MLP.weights]> = Lend::new([0.0; MLP.weights]);
static MLP_ARENA: Lend<[f32; MLP.arena]> = Lend::new([0.0; MLP.arena]);

static CNN: Plan<6> = Plan::new(&Cnn::GRAPH, Mode::train::<Sgd>(), 1);
static CNN_WEIGHTS: Lend<[f32; CNN.weights]> = Lend::new([0.0; CNN.weights]);
static CNN_ARENA: Lend<[f32; CNN.arena]> = Lend::new([0.0; CNN.arena]);

static SINE: Plan<5> = Plan::new(&Sine::GRAPH, Mode::train::<Sgd>(), 1);
static SINE_WEIGHTS: Lend<[f32; SINE.weights]> = Lend::new([0.0; SINE.weights]);
static SINE_ARENA: Lend<[f32; SINE.arena]> = Lend::new([0.0; SINE.arena]);

/// How many test images are told right in the end.
static RIGHT: Lend<usize> = Lend::new(0);

const RATE: f32 = 0.01;
const EPOCHS: usize = 3;

/// The whole program, with the fully connected network.
pub fn mlp<B: Board>() -> ! {
    let (weights, arena) = (MLP_WEIGHTS.take(), MLP_ARENA.take());
    end::<B>(weights.zip(arena).and_then(|(weights, arena)| {
        learn::<Mlp>(MLP.net(), Memory { weights, state: &mut [], arena })
    }))
}

/// The whole program, with the convolutional network.
pub fn cnn<B: Board>() -> ! {
    let (weights, arena) = (CNN_WEIGHTS.take(), CNN_ARENA.take());
    end::<B>(weights.zip(arena).and_then(|(weights, arena)| {
        learn::<Cnn>(CNN.net(), Memory { weights, state: &mut [], arena })
    }))
}

/// The whole program, with the smallest network there is a use for: it learns x ↦ 4 x (1 − x), the shape of half a
/// sine, from 0 to 1.
pub fn sine<B: Board>() -> ! {
    let (weights, arena) = (SINE_WEIGHTS.take(), SINE_ARENA.take());
    end::<B>(weights.zip(arena).and_then(|(weights, arena)| {
        let memory = Memory { weights, state: &mut [], arena };
        let mut engine = Portable::<Sine, _>::new(SINE.net(), Sgd::default(), memory).ok()?;
        engine.start(&IdInit::PAPER);
        let point = |k: usize| (k % 64) as f32 / 64.0;
        for k in (0..64 * EPOCHS).map(|k| 37 * k) {
            let x = point(k);
            engine.train(&[x], Target::Values(&[4.0 * x * (1.0 - x)]), RATE).ok()?;
        }
        let (mut y, mut right) = ([0.0], 0);
        for x in (0..64).map(point) {
            engine.infer(&[x], &mut y).ok()?;
            let [y] = y;
            right += usize::from((y - 4.0 * x * (1.0 - x)).abs() < 0.25);
        }
        Some(right)
    }))
}

fn end<B: Board>(right: Option<usize>) -> ! {
    let Some((right, result)) = right.zip(RIGHT.take()) else { B::exit(1) };
    // SAFETY: a reference is valid to write to. Volatile, since nobody here reads it.
    unsafe { core::ptr::from_mut(result).write_volatile(right) };
    B::exit(0)
}

/// Trains a network from IDInit and returns how many test images it then tells right.
#[inline(always)] // the program has one network, so that the compiler may know it
fn learn<S: Uses>(net: Net<'_>, memory: Memory<'_>) -> Option<usize> {
    let mut engine = Portable::<S, _>::new(net, Sgd::default(), memory).ok()?;
    engine.start(&IdInit::PAPER);
    let mut x = [0.0; 64];
    for _ in 0..EPOCHS {
        for k in 0..TRAIN {
            let label = image(train(k), &mut x)?;
            engine.train(&x, Target::Labels(&[label]), RATE).ok()?;
        }
    }
    let mut y = [0.0; CLASSES];
    let mut right = 0;
    for k in 0..TEST {
        let label = image(test(k), &mut x)?;
        engine.infer(&x, &mut y).ok()?;
        right += usize::from(largest(&y) == label as usize);
    }
    Some(right)
}
