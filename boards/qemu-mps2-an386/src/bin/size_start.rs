//! The start of a network, a page at a time.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::start::<board::Qemu>()
}
