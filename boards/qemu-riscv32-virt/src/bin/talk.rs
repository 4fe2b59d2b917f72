//! Learns the digits from whoever talks with it over the UART.

#![no_std]
#![no_main]

use common::uart::Ns16550;

#[riscv_rt::entry]
fn main() -> ! {
    common::talk::run::<board::Qemu>(Ns16550::virt())
}
