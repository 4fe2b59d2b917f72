//! A device that learns the digits, and saves nothing in flash: [`wearer`](crate::wearer) does.

use crate::{
    Board, Lend,
    digits::{KEPT, PICTURE, PLAN, RECIPE, SETTINGS, STEPS},
    nets::{CLASSES, Mlp},
    served::{Device, Lent, Lesson, serve},
    uart::{Bytes, Uart},
};
use idinit::{device::serve::Identity, recipe::Recipe};

/// Bytes for a delta: one of the head has 1,500.
const STAGE: usize = 4_096;
/// Bytes of a frame: a picture goes in one.
const FRAME: usize = 288;
/// The recipe in its compact form: reading the line would take 20 KB of flash.
const COMPACT: [u8; 15] =
    [0x01, 0x02, 0x05, 0x02, 0x20, 0x20, 0x80, 0x0f, 0x09, 0xa3, 0x9c, 0xa2, 0x28, 0xfc, 0x34];

static LENT: Lend<Lent<{ PLAN.weights }, { PLAN.arena }, PICTURE, KEPT, STAGE>> =
    Lend::new(Lent::ZEROS);

/// The whole program.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    let recipe = Recipe::from_bytes(&COMPACT).ok();
    let identity = Identity { line: RECIPE, recipe, steps: STEPS, ..Identity::default() };
    let lesson = Lesson { plan: &PLAN, settings: SETTINGS, identity };
    let device: Option<Device<Mlp, (), CLASSES>> =
        LENT.take().and_then(|lent| lent.device(lesson, |_| Some(())));
    serve::<B, FRAME>(uart, device)
}
