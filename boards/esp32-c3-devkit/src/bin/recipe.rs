//! Names a start, proves its bits, brings it up to date by a delta, and infers from it unstored.

#![no_std]
#![no_main]

use board::C3;

#[esp_hal::main]
fn main() -> ! {
    C3::start();
    common::run::<C3, _>(common::recipe::recipe)
}
