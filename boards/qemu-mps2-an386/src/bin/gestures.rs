//! A watch that learns its wearer's exercises over the UART.

#![no_std]
#![no_main]

use common::uart::Cmsdk;

#[cortex_m_rt::entry]
fn main() -> ! {
    common::wearer::run::<board::Qemu>(Cmsdk::mps2())
}
