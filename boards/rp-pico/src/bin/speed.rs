//! How long an image takes that is learnt, by the chip's timer: the last of 16, when weights are no longer zeros.

#![no_std]
#![no_main]

use board::{Pico, Wired};
use common::{
    Lend,
    pieces::{ARENA, Pieces, WEIGHTS},
};
use idinit::engine::Error;

static MEMORY: Lend<([f32; WEIGHTS], [f32; ARENA])> = Lend::new(([0.0; WEIGHTS], [0.0; ARENA]));

#[cortex_m_rt::entry]
fn main() -> ! {
    let wired = Pico::start();
    common::end::<Pico, _>(measure(wired))
}

fn measure(wired: Wired) -> Result<(), Error> {
    let Some((weights, arena)) = MEMORY.take() else { return Ok(()) };
    let mut pieces = Pieces::new(weights, arena)?;
    pieces.work(15)?;
    let begun = wired.timer.get_counter();
    pieces.work(1)?;
    let took = wired.timer.get_counter() - begun;
    common::print::<Pico>(format_args!("learns an image in {} microseconds\n", took.to_micros()));
    Ok(())
}
