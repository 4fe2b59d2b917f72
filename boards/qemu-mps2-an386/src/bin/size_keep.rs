//! What differs from a start, in flash that is safe from cuts of power.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::keep::<board::Qemu>()
}
