//! Starts two networks by identities and tells their bits.

#![no_std]
#![no_main]

use board::Nucleo;
use common::programs;

#[cortex_m_rt::entry]
fn main() -> ! {
    Nucleo::start();
    common::run::<Nucleo, _>(programs::init)
}
