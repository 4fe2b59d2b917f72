//! Trains two networks from identities on all digits, and tells the bits of their weights.

#![no_std]
#![no_main]

use board::Pico2;
use common::programs::{Work, train};

#[cortex_m_rt::entry]
fn main() -> ! {
    Pico2::start();
    common::run::<Pico2, _>(|memory, say| train(Work::FULL, memory, say))
}
