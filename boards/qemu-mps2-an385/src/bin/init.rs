//! Fills a matrix with the identity and tells its bits.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::init::run::<board::Qemu>()
}
