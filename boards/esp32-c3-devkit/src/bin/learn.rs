//! Learns digits as they are labelled, keeps what it has learnt, loses its power and goes on.

#![no_std]
#![no_main]

use board::C3;

#[esp_hal::main]
fn main() -> ! {
    C3::start();
    common::run_device::<C3>()
}
