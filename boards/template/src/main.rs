//! Learns on the device from a start that was never flashed: every initial weight is a function of its place.
//!
//! Two files are for you: what is your board's own (`board.rs`), and its sensor and button (`sensor.rs`).

#![no_std]
#![no_main]

mod board;
mod device;
mod learning;
mod sensor;

use device::Stage;
use learning::{Lent, learner};
// Your UART: a macro `println` that writes to it, or defmt's.
use semihosting::{print, println, process::exit};

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let (mut flash, line, mut clock) = board::start();
    // `main` never ends, so that its stack lends memory for ever
    let (mut lent, mut stage) = (Lent::ZEROS, Stage::ZEROS);
    let learner = learner(&mut lent).unwrap_or_else(|error| {
        println!("{error}");
        exit(1)
    });
    let say = &mut |line: core::fmt::Arguments| print!("{line}");
    let devices = (&mut flash, line, &mut clock);
    if let Err(error) = device::run(learner, &mut stage, devices, say, || true) {
        println!("{error}");
    }
    exit(1)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    println!("{info}");
    exit(101)
}
