//! Trains two networks from identities on a tenth of the digits, and tells the bits of their weights.

#![no_std]
#![no_main]

use common::programs::{Work, train};

#[riscv_rt::entry]
fn main() -> ! {
    common::run::<board::Qemu, _>(|memory, say| train(Work::SHORT, memory, say))
}
