//! A device that learns, as one loop: what is due is done, and otherwise a piece of training.

#![no_std]
#![no_main]

use board::{Pico, Wired};
use common::pieces::{ARENA, Pieces, WEIGHTS};
use cortex_m::singleton;
use idinit::engine::Error;
use rp2040_hal::fugit::ExtU64;

/// Images learnt at once: while they are, nothing else happens.
const BUDGET: usize = 1;

#[cortex_m_rt::entry]
fn main() -> ! {
    let wired = Pico::start();
    common::end::<Pico, _>(device(wired))
}

fn device(mut wired: Wired) -> Result<(), Error> {
    let weights = singleton!(: [f32; WEIGHTS] = [0.0; WEIGHTS]);
    let arena = singleton!(: [f32; ARENA] = [0.0; ARENA]);
    let Some((weights, arena)) = weights.zip(arena) else { return Ok(()) };
    let mut pieces = Pieces::new(weights, arena)?;
    let mut due = wired.timer.get_counter();
    loop {
        let now = wired.timer.get_counter();
        if now >= due {
            due = now + 20.millis();
            sense(&mut wired);
        } else if !pieces.work(BUDGET)? {
            return pieces.tell(&mut |line| common::print::<Pico>(line));
        }
    }
}

/// Fifty times a second: a sample of `wired.i2c` and, while the button is pressed, its label.
fn sense(wired: &mut Wired) {
    let _pressed = wired.pressed();
}
