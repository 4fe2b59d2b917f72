//! The proof that a device never panics, whatever comes over its line: were it otherwise, this would not link.

#![no_std]
#![no_main]

use common::uart::Cmsdk;

#[cortex_m_rt::entry]
fn main() -> ! {
    common::talk::run::<board::Qemu>(Cmsdk::mps2())
}
