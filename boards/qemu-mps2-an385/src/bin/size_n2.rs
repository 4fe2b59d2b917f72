//! The smallest firmware that trains a convolutional network of 8 channels.

#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    common::learn::cnn::<board::Qemu>()
}
