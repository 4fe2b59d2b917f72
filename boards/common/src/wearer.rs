//! A watch that learns its wearer's exercises from whoever talks with it, and keeps what it has learnt.

use crate::{
    Board, Lend,
    gestures::{KEPT, PLAN, SETTINGS, STEPS},
    nets::Gestures,
    talk::serve,
    uart::{Bytes, Uart},
};
use idinit::{
    device::{
        keep::{Keep, RamFlash},
        learn::{Examples, Learner},
        serve::{Identity, Room, Served},
    },
    engine::{Memory, Portable},
    init::{IdInit, Initial},
    update::Sgd,
};

/// Bytes for a delta: one of all weights has 17,500.
const STAGED: usize = 20_480;
/// Bytes of a frame: a window goes in three.
const FRAME: usize = 512;
/// The range of flash, in bytes, its pages, and the items in it: two deltas have room.
const FLASH: usize = 65_536;
const PAGE: usize = 4_096;
const ITEM: usize = 256;

static WEIGHTS: Lend<[f32; PLAN.weights]> = Lend::new([0.0; PLAN.weights]);
static ARENA: Lend<[f32; PLAN.arena]> = Lend::new([0.0; PLAN.arena]);
static INPUTS: Lend<[f32; KEPT * Gestures::WINDOW]> = Lend::new([0.0; KEPT * Gestures::WINDOW]);
static LABELS: Lend<[u32; KEPT]> = Lend::new([0; KEPT]);
static WINDOW: Lend<[f32; Gestures::WINDOW]> = Lend::new([0.0; Gestures::WINDOW]);
static STAGE: Lend<[u8; STAGED]> = Lend::new([0; STAGED]);
/// In place of the board's own flash, which QEMU does not play.
static CHIP: Lend<RamFlash<FLASH, PAGE>> = Lend::new(RamFlash::new());

type Chip = &'static mut RamFlash<FLASH, PAGE>;
type Watch = Served<
    'static,
    Gestures,
    Sgd,
    Initial<'static, IdInit, Gestures>,
    Keep<Chip, ITEM>,
    { Gestures::CLASSES },
>;

/// At what was kept, or at its start; none the second time, or where memory is too small.
fn watch() -> Option<Watch> {
    let memory = Memory { weights: WEIGHTS.take()?, state: &mut [], arena: ARENA.take()? };
    let engine = Portable::new(PLAN.net(), Sgd::default(), memory).ok()?;
    let start = Initial::new(PLAN.net().nodes(), IdInit::PAPER);
    let examples = Examples { inputs: INPUTS.take()?, labels: LABELS.take()? };
    let mut learner = Learner::new(engine, start, examples, SETTINGS).ok()?;
    let mut keep = Keep::new(CHIP.take()?, 0..FLASH as u32).ok()?;
    keep.load(&mut learner, &mut []).ok()?;
    let room = Room { window: WINDOW.take()?, stage: STAGE.take()?, numbers: &mut [] };
    let identity = Identity { axes: 6, steps: STEPS, ..Identity::default() };
    Some(Served::new(learner, keep, room, identity))
}

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    match watch() {
        Some(watch) => serve::<FRAME>(uart, watch),
        None => B::exit(1),
    }
}
