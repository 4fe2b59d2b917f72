//! Names a start, proves its bits, brings it up to date by a delta, and infers from it unstored.

#![no_std]
#![no_main]

#[riscv_rt::entry]
fn main() -> ! {
    common::run::<board::Qemu, _>(common::recipe::recipe)
}
