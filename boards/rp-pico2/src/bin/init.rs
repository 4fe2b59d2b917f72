//! Starts two networks by identities and tells their bits.

#![no_std]
#![no_main]

use board::Pico2;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico2::start();
    common::run::<Pico2, _>(programs::init)
}
