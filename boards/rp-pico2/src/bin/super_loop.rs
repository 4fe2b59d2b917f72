//! A device that learns, as one loop: what is due is done, and otherwise a piece of training.

#![no_std]
#![no_main]

use board::{Pico2, Wired};
use common::{
    Lend,
    pieces::{Digits, Lent, Pieces},
};
use idinit::device::learn::{Budget, LearnError};
use rp235x_hal::fugit::ExtU64;

/// Microseconds of learning at once: until the step is over that ends behind them, nothing else happens.
const BUDGET: u64 = 5_000;

static MEMORY: Lend<Lent> = Lend::new(Lent::ZEROS);

#[cortex_m_rt::entry]
fn main() -> ! {
    let wired = Pico2::start();
    common::end::<Pico2, _>(device(wired))
}

fn device(mut wired: Wired) -> Result<(), LearnError> {
    let Some(memory) = MEMORY.take() else { return Ok(()) };
    let (mut pieces, mut digits) = (Pieces::new(memory)?, Digits::NEW);
    let timer = wired.timer;
    let mut due = timer.get_counter();
    while !pieces.is_done() {
        if timer.get_counter() >= due {
            due += 20.millis();
            // fifty times a second: a sample of `wired.i2c` and, while the button is pressed, its label
            let _pressed = wired.pressed();
            if pieces.is_idle()
                && let Some(digit) = digits.next()
            {
                pieces.label(&digit)?;
            }
        } else {
            pieces.work(Budget::micros(BUDGET, || timer.get_counter().ticks()))?;
        }
    }
    pieces.tell(&mut |line| common::print::<Pico2>(line))
}
