//! A watch that learns its wearer's exercises.

use crate::{
    Board, Lend,
    gestures::{KEPT, PLAN, SETTINGS, STEPS},
    kept::{self, Lent, Lesson},
    nets::Gestures,
    uart::{Bytes, Uart},
};

static LENT: Lend<Lent<{ PLAN.weights }, { PLAN.arena }, { Gestures::WINDOW }, KEPT>> = Lent::new();

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    let lesson = Lesson { plan: &PLAN, settings: SETTINGS, steps: STEPS, axes: 6 };
    kept::run::<B, Gestures, { Gestures::CLASSES }, _, _, _, _, _>(uart, &LENT, &lesson)
}
