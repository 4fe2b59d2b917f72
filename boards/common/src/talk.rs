//! A device that learns the digits from whoever talks with it. It keeps nothing: a board that does is in
//! [`wearer`](crate::wearer).

use crate::{
    Board, Lend,
    digits::{KEPT, PICTURE, PLAN, RECIPE, SETTINGS, STEPS},
    nets::{CLASSES, Mlp},
    recipe::Begun,
    uart::{Bytes, Uart},
};
use idinit::{
    device::{
        learn::{Examples, Learner},
        serve::{Identity, Room, Served},
        talk::{Device, Polled, Server},
    },
    engine::{Memory, Portable},
    init::{IdInit, Initial},
    recipe::Recipe,
    update::Sgd,
};

/// Bytes for a delta: one of the head has 1,500.
const STAGED: usize = 4_096;
/// Bytes of a frame: a picture goes in one.
const FRAME: usize = 288;
/// The recipe in its compact form: reading the line would take 20 KB of flash.
const COMPACT: [u8; 15] =
    [0x01, 0x02, 0x05, 0x02, 0x20, 0x20, 0x80, 0x0f, 0x09, 0xa3, 0x9c, 0xa2, 0x28, 0xfc, 0x34];

static WEIGHTS: Lend<[f32; PLAN.weights]> = Lend::new([0.0; PLAN.weights]);
static ARENA: Lend<[f32; PLAN.arena]> = Lend::new([0.0; PLAN.arena]);
static INPUTS: Lend<[f32; KEPT * PICTURE]> = Lend::new([0.0; KEPT * PICTURE]);
static LABELS: Lend<[u32; KEPT]> = Lend::new([0; KEPT]);
static WINDOW: Lend<[f32; PICTURE]> = Lend::new([0.0; PICTURE]);
static STAGE: Lend<[u8; STAGED]> = Lend::new([0; STAGED]);

/// At its start; none the second time, or where memory is too small.
fn digits() -> Option<Served<'static, Mlp, Sgd, Begun, (), CLASSES>> {
    let memory = Memory { weights: WEIGHTS.take()?, state: &mut [], arena: ARENA.take()? };
    let engine = Portable::new(PLAN.net(), Sgd::default(), memory).ok()?;
    let start = Initial::new(PLAN.net().nodes(), IdInit::PAPER);
    let examples = Examples { inputs: INPUTS.take()?, labels: LABELS.take()? };
    let learner = Learner::new(engine, start, examples, SETTINGS).ok()?;
    let room = Room { window: WINDOW.take()?, stage: STAGE.take()?, numbers: &mut [] };
    let recipe = Recipe::from_bytes(&COMPACT).ok();
    let identity = Identity { line: RECIPE, recipe, steps: STEPS, ..Identity::default() };
    Some(Served::new(learner, (), room, identity))
}

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    match digits() {
        Some(digits) => serve::<FRAME>(uart, digits),
        None => B::exit(1),
    }
}

/// Serves until the machine is turned off, in frames of so many bytes.
pub fn serve<const FRAME: usize>(uart: Uart<impl Bytes>, mut device: impl Device) -> ! {
    let mut server = Server::<_, FRAME>::new(uart);
    loop {
        // what the line lost is asked for again
        let _: Result<Polled, _> = server.poll(&mut device);
    }
}
