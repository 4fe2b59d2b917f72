//! A device that learns spoken words over the UART.

#![no_std]
#![no_main]

use common::uart::Cmsdk;

#[cortex_m_rt::entry]
fn main() -> ! {
    common::listener::run::<board::Qemu>(Cmsdk::mps2())
}
