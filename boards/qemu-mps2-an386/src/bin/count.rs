//! The regions whose instructions and stack are measured; `boards/measure.sh` runs this.

#![no_std]
#![no_main]

use board::{Qemu, measure::region};
use common::{Board, init};
use core::hint::black_box;

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut weights = [f32::NAN; 64 * 64];
    let fill = region("fill-64x64", || init::identity(black_box(&mut weights)));
    // Another region is another line here and its two lines in `boards/ceilings.txt`.
    Qemu::exit(if fill.is_ok() { 0 } else { 1 })
}
