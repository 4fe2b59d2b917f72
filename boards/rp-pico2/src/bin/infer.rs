//! Runs digits through two networks that were just started, and tells the bits of their outputs.

#![no_std]
#![no_main]

use board::Pico2;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico2::start();
    common::run::<Pico2, _>(programs::infer)
}
