//! Trains two networks from identities on a tenth of the digits, and tells the bits of their weights.

#![no_std]
#![no_main]

use board::C3;
use common::programs::{Work, train};

#[esp_hal::main]
fn main() -> ! {
    C3::start();
    common::run::<C3, _>(|memory, say| train(Work::SHORT, memory, say))
}
