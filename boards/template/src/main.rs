//! Learns on the device from a start that was never flashed: every initial weight is a function of its place.
//!
//! Three places are for you: the clocks and devices of your board (here), its sensor (`sensor.rs`) and its flash
//! (`README.md`).

#![no_std]
#![no_main]

mod learning;
mod sensor;

use idinit::engine::Error;
use learning::{ARENA, WEIGHTS, learn, start, tell};
// Your UART: a macro `println` that writes to it, or defmt's.
use semihosting::{println, process::exit};

/// Windows that are learnt, and windows that are told.
const LEARNT: u32 = 300;
const TOLD: u32 = 30;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    // Your clocks and devices, by your chip's HAL.
    let (mut weights, mut arena) = ([0.0; WEIGHTS], [0.0; ARENA]);
    match device(&mut weights, &mut arena) {
        Ok(()) => exit(0),
        Err(error) => {
            println!("{error}");
            exit(1)
        }
    }
}

/// A device would go on for ever, and keep its weights in flash now and then.
fn device(weights: &mut [f32; WEIGHTS], arena: &mut [f32; ARENA]) -> Result<(), Error> {
    let mut learner = start(weights, arena)?;
    let mut wrong = 0.0;
    for number in 0..LEARNT {
        let (window, kind) = sensor::labelled(number);
        wrong += learn(&mut learner, &window, kind)?;
        if number % 100 == 99 {
            println!("learnt {} windows, loss {}", number + 1, wrong / 100.0);
            wrong = 0.0;
        }
    }
    let mut right = 0;
    for number in LEARNT..LEARNT + TOLD {
        let (window, kind) = sensor::labelled(number);
        right += u32::from(tell(&mut learner, &window)? == kind);
    }
    println!("right {right} of {TOLD}");
    Ok(())
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    println!("{info}");
    exit(101)
}
