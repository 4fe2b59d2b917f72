//! Names a start, proves its bits, brings it up to date by a delta, and infers from it unstored.

#![no_std]
#![no_main]

use board::Pico;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico::start();
    common::run::<Pico, _>(common::recipe::recipe)
}
