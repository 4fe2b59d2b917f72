//! A watch that learns its wearer's exercises, and keeps what it has learnt.

use crate::{
    Board, Lend,
    gestures::{KEPT, PLAN, SETTINGS, STEPS},
    kept::kept,
    nets::Gestures,
    served::{Lent, Lesson, serve},
    uart::{Bytes, Uart},
};
use idinit::device::serve::Identity;

/// Bytes for a delta: one of all weights has 17,500.
const STAGE: usize = 20_480;
/// Bytes of a frame: a window goes in three.
const FRAME: usize = 512;

static LENT: Lend<Lent<{ PLAN.weights }, { PLAN.arena }, { Gestures::WINDOW }, KEPT, STAGE>> =
    Lend::new(Lent::ZEROS);

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    let identity = Identity { axes: Gestures::AXES, steps: STEPS, ..Identity::default() };
    let lesson = Lesson { plan: &PLAN, settings: SETTINGS, identity };
    let lent = LENT.take();
    let device = lent.and_then(|lent| lent.device(lesson, kept::<Gestures, { Gestures::CLASSES }>));
    serve::<B, FRAME>(uart, device)
}
