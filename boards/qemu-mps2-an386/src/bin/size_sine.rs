//! The smallest firmware that tells a sine in whole numbers of 8 bits.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::sine::<board::Qemu>()
}
