//! Trains two networks from identities on all digits, and tells the bits of their weights.

#![no_std]
#![no_main]

use board::Dk;
use common::programs::{Work, train};

#[cortex_m_rt::entry]
fn main() -> ! {
    Dk::start();
    common::run::<Dk, _>(|memory, say| train(Work::FULL, memory, say))
}
