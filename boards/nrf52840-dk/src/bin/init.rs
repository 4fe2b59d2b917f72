//! Starts two networks by identities and tells their bits.

#![no_std]
#![no_main]

use board::Dk;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Dk::start();
    common::run::<Dk, _>(programs::init)
}
