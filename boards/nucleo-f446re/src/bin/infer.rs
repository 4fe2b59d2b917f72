//! Runs digits through two networks that were just started, and tells the bits of their outputs.

#![no_std]
#![no_main]

use board::Nucleo;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Nucleo::start();
    common::run::<Nucleo, _>(programs::infer)
}
