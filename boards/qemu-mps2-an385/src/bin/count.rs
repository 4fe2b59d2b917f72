//! The regions whose instructions and stack `boards/measure.sh` measures.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::count::run::<board::Qemu>()
}
