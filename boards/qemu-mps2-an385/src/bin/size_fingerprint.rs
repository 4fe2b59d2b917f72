//! A fill and its fingerprint.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::fingerprint::<board::Qemu>()
}
