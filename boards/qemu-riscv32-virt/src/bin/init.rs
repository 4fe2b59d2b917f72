//! Fills a matrix with the identity and tells its bits.

#![no_std]
#![no_main]

#[riscv_rt::entry]
fn main() -> ! {
    common::init::run::<board::Qemu>()
}
