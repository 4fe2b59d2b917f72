//! Learns digits, keeps what it has learnt in flash, loses its power, and goes on.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::run_device::<board::Qemu>()
}
