//! Runs digits through two networks that were just started, and tells the bits of their outputs.

#![no_std]
#![no_main]

use board::C3;
use common::programs;

#[esp_hal::main]
fn main() -> ! {
    C3::start();
    common::run::<C3, _>(programs::infer)
}
