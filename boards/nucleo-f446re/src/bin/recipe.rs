//! Names a start, proves its bits, brings it up to date by a delta, and infers from it unstored.

#![no_std]
#![no_main]

use board::Nucleo;

#[cortex_m_rt::entry]
fn main() -> ! {
    Nucleo::start();
    common::run::<Nucleo, _>(common::recipe::recipe)
}
