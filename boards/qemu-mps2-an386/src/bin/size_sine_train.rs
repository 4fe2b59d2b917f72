//! The smallest firmware that learns anything.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::learn::sine::<board::Qemu>()
}
