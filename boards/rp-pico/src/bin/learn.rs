//! Learns digits as they are labelled, keeps what it has learnt at the end of the board's flash, loses its power and
//! goes on.

#![no_std]
#![no_main]

use board::{Pico, Wired};
use common::{
    Board, Lend,
    device::{Lent, Lesson, learn},
};

static LENT: Lend<Lent> = Lend::new(Lent::ZEROS);

#[cortex_m_rt::entry]
fn main() -> ! {
    let Wired { mut flash, .. } = Pico::start();
    let Some(lent) = LENT.take() else { Pico::exit(1) };
    let learnt = learn(Lesson::BRIEF, lent, &mut flash, &mut |line| common::print::<Pico>(line));
    common::end::<Pico, _>(learnt)
}
