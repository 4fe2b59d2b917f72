//! Trains two networks from identities on a tenth of the digits, and tells the bits of their weights.

#![no_std]
#![no_main]

use board::Nucleo;
use common::programs::{Work, train};

#[cortex_m_rt::entry]
fn main() -> ! {
    Nucleo::start();
    common::run::<Nucleo, _>(|memory, say| train(Work::SHORT, memory, say))
}
