//! The smallest firmware that trains a fully connected network, 64-32-32-10.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::learn::mlp::<board::Qemu>()
}
