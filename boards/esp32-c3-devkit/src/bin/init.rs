//! Starts two networks by identities and tells their bits.

#![no_std]
#![no_main]

use board::C3;
use common::programs;

#[esp_hal::main]
fn main() -> ! {
    C3::start();
    common::run::<C3, _>(programs::init)
}
