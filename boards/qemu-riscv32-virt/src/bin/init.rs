//! Starts two networks by identities and tells their bits.

#![no_std]
#![no_main]

use common::programs;

#[riscv_rt::entry]
fn main() -> ! {
    common::run::<board::Qemu, _>(programs::init)
}
