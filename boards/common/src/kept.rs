//! A device that learns from whoever talks with it, from its start or from a network that it is given, and keeps what
//! it has learnt.

use crate::{
    Board, Lend,
    talk::serve,
    uart::{Bytes, Uart},
};
use idinit::{
    device::{
        keep::{Keep, RamFlash},
        learn::{Examples, Learner, Settings},
        serve::{Identity, Room, Served},
    },
    engine::{Memory, Portable},
    init::{IdInit, Initial},
    layer::Uses,
    plan::Plan,
    update::Sgd,
};

/// Bytes for a delta: one of all weights has up to 20,000.
const STAGED: usize = 24_576;
/// Bytes of a frame: a window goes in three or four.
const FRAME: usize = 512;
/// The range of flash, in bytes, its pages, and the items in it: two deltas have room.
const FLASH: usize = 65_536;
const PAGE: usize = 4_096;
const ITEM: usize = 256;

/// In place of the board's own flash, which QEMU does not play.
type Chip = RamFlash<FLASH, PAGE>;
type Kept<S, const CLASSES: usize> =
    Served<'static, S, Sgd, Initial<'static, IdInit, S>, Keep<&'static mut Chip, ITEM>, CLASSES>;

static CHIP: Lend<Chip> = Lend::new(Chip::new());

/// All memory of a device, for windows of so many numbers, of which it keeps some.
pub struct Lent<const WEIGHTS: usize, const ARENA: usize, const WINDOW: usize, const KEPT: usize> {
    weights: [f32; WEIGHTS],
    arena: [f32; ARENA],
    inputs: [[f32; WINDOW]; KEPT],
    labels: [u32; KEPT],
    window: [f32; WINDOW],
    stage: [u8; STAGED],
}

impl<const WEIGHTS: usize, const ARENA: usize, const WINDOW: usize, const KEPT: usize>
    Lent<WEIGHTS, ARENA, WINDOW, KEPT>
{
    /// Memory that nobody has: zeros, which no flash holds.
    pub const fn new() -> Lend<Self> {
        Lend::new(Self {
            weights: [0.0; WEIGHTS],
            arena: [0.0; ARENA],
            inputs: [[0.0; WINDOW]; KEPT],
            labels: [0; KEPT],
            window: [0.0; WINDOW],
            stage: [0; STAGED],
        })
    }

    /// At what was kept, or at the start; none where memory is too small.
    fn device<S: Uses, const N: usize, const CLASSES: usize>(
        &'static mut self,
        lesson: &Lesson<N>,
    ) -> Option<Kept<S, CLASSES>> {
        let Lesson { plan, settings, steps, axes } = *lesson;
        let memory = Memory { weights: &mut self.weights, state: &mut [], arena: &mut self.arena };
        let engine = Portable::new(plan.net(), Sgd::default(), memory).ok()?;
        let start = Initial::new(plan.net().nodes(), IdInit::PAPER);
        let inputs = self.inputs.as_flattened_mut();
        let examples = Examples { inputs, labels: &mut self.labels };
        let mut learner = Learner::new(engine, start, examples, settings).ok()?;
        let mut keep = Keep::new(CHIP.take()?, 0..FLASH as u32).ok()?;
        keep.load(&mut learner, &mut []).ok()?;
        let room = Room { window: &mut self.window, stage: &mut self.stage, numbers: &mut [] };
        let identity = Identity { axes, steps, ..Identity::default() };
        Some(Served::new(learner, keep, room, identity))
    }
}

/// What a device learns, and how.
pub struct Lesson<const N: usize> {
    pub plan: &'static Plan<N>,
    pub settings: Settings,
    /// Steps behind each label.
    pub steps: u32,
    /// Numbers of each sample.
    pub axes: u32,
}

/// The whole program: `S` and `CLASSES` are of the lesson's network.
pub fn run<
    B: Board,
    S: Uses,
    const CLASSES: usize,
    const N: usize,
    const WEIGHTS: usize,
    const ARENA: usize,
    const WINDOW: usize,
    const KEPT: usize,
>(
    uart: Uart<impl Bytes>,
    lent: &'static Lend<Lent<WEIGHTS, ARENA, WINDOW, KEPT>>,
    lesson: &Lesson<N>,
) -> ! {
    let device = lent.take().and_then(|lent| lent.device::<S, N, CLASSES>(lesson));
    match device {
        Some(device) => serve::<FRAME>(uart, device),
        None => B::exit(1),
    }
}
