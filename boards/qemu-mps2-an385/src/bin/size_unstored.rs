//! Inference from weights that are not stored, 64-32-32-10.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::unstored::<board::Qemu>()
}
