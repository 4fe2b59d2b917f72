//! The start of a network with a delta on top, a page at a time.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::delta::<board::Qemu>()
}
