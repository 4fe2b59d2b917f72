//! Names a start, proves its bits, brings it up to date by a delta, and infers from it unstored.

#![no_std]
#![no_main]

use board::Pico2;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico2::start();
    common::run::<Pico2, _>(common::recipe::recipe)
}
