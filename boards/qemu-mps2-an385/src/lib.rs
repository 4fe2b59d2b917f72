//! The Cortex-M0's instructions on QEMU's mps2-an385: no floating-point unit, no atomic operations.
//!
//! QEMU's one machine with an M0, the micro:bit, has 16 KiB of memory. The Cortex-M3 of this one runs
//! the same image and has 4 MiB.

#![no_std]

pub use common::semihosting::Qemu;
use common::{Board, FAULTED};

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    common::panicked::<Qemu>(info)
}

/// Ends the run; the runtime's own handler would loop for ever.
#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    common::print::<Qemu>(format_args!("HardFault at {:#010x}\n", frame.pc()));
    Qemu::exit(FAULTED)
}
