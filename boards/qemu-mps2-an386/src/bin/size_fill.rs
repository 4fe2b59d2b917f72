//! A fill, and what the runtime and the handlers cost at least.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::small::fill::<board::Qemu>()
}
