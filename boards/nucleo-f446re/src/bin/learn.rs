//! Learns digits as they are labelled, keeps what it has learnt, loses its power and goes on.

#![no_std]
#![no_main]

use board::Nucleo;

#[cortex_m_rt::entry]
fn main() -> ! {
    Nucleo::start();
    common::run_device::<Nucleo>()
}
