//! Runs digits through two networks that were just started, and tells the bits of their outputs.

#![no_std]
#![no_main]

use board::Dk;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Dk::start();
    common::run::<Dk, _>(programs::infer)
}
