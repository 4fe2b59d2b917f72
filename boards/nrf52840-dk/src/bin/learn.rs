//! Learns digits as they are labelled, keeps what it has learnt, loses its power and goes on.

#![no_std]
#![no_main]

use board::Dk;

#[cortex_m_rt::entry]
fn main() -> ! {
    Dk::start();
    common::run_device::<Dk>()
}
