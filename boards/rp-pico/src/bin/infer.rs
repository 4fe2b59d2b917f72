//! Runs digits through two networks that were just started, and tells the bits of their outputs.

#![no_std]
#![no_main]

use board::Pico;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico::start();
    common::run::<Pico, _>(programs::infer)
}
