//! Trains two networks from identities on some of the digits, and tells the bits of their weights.

#![no_std]
#![no_main]

use board::Pico;
use common::programs::{Work, train};

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico::start();
    common::run::<Pico, _>(|memory, say| train(Work::BRIEF, memory, say))
}
