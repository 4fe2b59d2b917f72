//! Runs digits through networks of whole numbers of 8 bits, and tells their outputs.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::run::<board::Qemu, _>(common::int8::int8)
}
