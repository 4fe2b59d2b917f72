//! Learns digits as they are labelled, keeps what it has learnt, loses its power and goes on.

#![no_std]
#![no_main]

use board::Pico2;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico2::start();
    common::run_device::<Pico2>()
}
