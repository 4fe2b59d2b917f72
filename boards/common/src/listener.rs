//! A device that learns words that somebody speaks, and keeps what it has learnt.

use crate::{
    Board, Lend,
    kept::kept,
    nets::{CLASSES, Spoken},
    served::{Lent, Lesson, serve},
    uart::{Bytes, Uart},
    words::{KEPT, PLAN, SETTINGS, STEPS},
};
use idinit::device::serve::Identity;

/// Bytes for a delta: one of all weights has 19,700.
const STAGE: usize = 24_576;
/// Bytes of a frame: a window goes in four.
const FRAME: usize = 512;

static LENT: Lend<Lent<{ PLAN.weights }, { PLAN.arena }, { Spoken::WINDOW }, KEPT, STAGE>> =
    Lend::new(Lent::ZEROS);

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    let identity = Identity { axes: Spoken::AXES, steps: STEPS, ..Identity::default() };
    let lesson = Lesson { plan: &PLAN, settings: SETTINGS, identity };
    let device = LENT.take().and_then(|lent| lent.device(lesson, kept::<Spoken, CLASSES>));
    serve::<B, FRAME>(uart, device)
}
