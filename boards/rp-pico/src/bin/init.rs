//! Starts two networks by identities and tells their bits.

#![no_std]
#![no_main]

use board::Pico;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico::start();
    common::run::<Pico, _>(programs::init)
}
