//! Learns the digits from whoever talks with it over the UART.

#![no_std]
#![no_main]

use common::uart::Cmsdk;

#[cortex_m_rt::entry]
fn main() -> ! {
    common::talk::run::<board::Qemu>(Cmsdk::mps2())
}
