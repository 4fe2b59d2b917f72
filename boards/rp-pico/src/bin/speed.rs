//! How long a step takes, by the chip's timer: the last of 32, when weights are no longer zeros.

#![no_std]
#![no_main]

use board::{Pico, Wired};
use common::{
    Lend,
    pieces::{Digits, Lent, Pieces},
};
use idinit::device::learn::{Budget, LearnError};

static MEMORY: Lend<Lent> = Lend::new(Lent::ZEROS);

#[cortex_m_rt::entry]
fn main() -> ! {
    let wired = Pico::start();
    common::end::<Pico, _>(measure(wired))
}

fn measure(wired: Wired) -> Result<(), LearnError> {
    let Some(memory) = MEMORY.take() else { return Ok(()) };
    let mut pieces = Pieces::new(memory)?;
    for digit in Digits::NEW.take(16) {
        pieces.label(&digit)?;
    }
    pieces.work(Budget::steps(1))?;
    let begun = wired.timer.get_counter();
    pieces.work(Budget::steps(1))?;
    let took = wired.timer.get_counter() - begun;
    common::print::<Pico>(format_args!("a step takes {} microseconds\n", took.to_micros()));
    Ok(())
}
