//! Names a start, proves its bits, brings it up to date by a delta, and infers from it unstored.

#![no_std]
#![no_main]

use board::Dk;

#[cortex_m_rt::entry]
fn main() -> ! {
    Dk::start();
    common::run::<Dk, _>(common::recipe::recipe)
}
