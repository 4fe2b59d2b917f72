//! A device that learns words that somebody speaks.

use crate::{
    Board, Lend,
    kept::{self, Lent, Lesson},
    nets::{CLASSES, Spoken},
    uart::{Bytes, Uart},
    words::{KEPT, PLAN, SETTINGS, STEPS},
};

static LENT: Lend<Lent<{ PLAN.weights }, { PLAN.arena }, { Spoken::WINDOW }, KEPT>> = Lent::new();

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    let lesson = Lesson { plan: &PLAN, settings: SETTINGS, steps: STEPS, axes: 13 };
    kept::run::<B, Spoken, CLASSES, _, _, _, _, _>(uart, &LENT, &lesson)
}
