//! Trains a network and logs by defmt: numbers, and idinit's own types. Its output is for `defmt-print`.

#![no_std]
#![no_main]

use board::Qemu;
use common::{
    Board, Lend,
    nets::{CLASSES, Mlp},
    programs::largest,
};
use cortex_m as _; // the critical section that defmt logs in
use defmt_semihosting as _;
use idinit::{
    data::digits::{TEST, TRAIN, image, test, train},
    engine::{Engine, Error, Memory, Portable},
    init::IdInit,
    loss::Target,
    plan::{Mode, Plan},
    recipe::Fingerprint,
    update::Sgd,
};

static PLAN: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);
static WEIGHTS: Lend<[f32; PLAN.weights]> = Lend::new([0.0; PLAN.weights]);
static ARENA: Lend<[f32; PLAN.arena]> = Lend::new([0.0; PLAN.arena]);

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(weights), Some(arena)) = (WEIGHTS.take(), ARENA.take()) else { Qemu::exit(1) };
    match learn(Memory { weights, state: &mut [], arena }) {
        Ok(()) => Qemu::exit(0),
        Err(error) => {
            defmt::error!("{}", error);
            Qemu::exit(1)
        }
    }
}

fn learn(memory: Memory) -> Result<(), Error> {
    let mut engine = Portable::<Mlp, _>::new(PLAN.net(), Sgd::default(), memory)?;
    engine.start(&IdInit::PAPER);
    let (mut x, mut y) = ([0.0; 64], [0.0; CLASSES]);
    for epoch in 1..=3 {
        let (mut loss, mut right) = (0.0, 0);
        for label in (0..TRAIN).map(train) {
            let label = image(label, &mut x).unwrap_or_default();
            loss += engine.train(&x, Target::Labels(&[label]), 0.01)? / TRAIN as f32;
        }
        for label in (0..TEST).map(test) {
            let label = image(label, &mut x).unwrap_or_default();
            engine.infer(&x, &mut y)?;
            right += usize::from(largest(&y) == label as usize);
        }
        defmt::info!(
            "epoch {=i32} loss {=f32} right {=usize} of {=usize}",
            epoch,
            loss,
            right,
            TEST
        );
    }
    defmt::info!("weights {}", Fingerprint::of(engine.all_weights()));

    // A label that names no class is refused, and the refusal is logged with its numbers.
    if let Err(error) = engine.train(&x, Target::Labels(&[CLASSES as u32]), 0.01) {
        defmt::warn!("refused: {}", error);
    }
    Ok(())
}
