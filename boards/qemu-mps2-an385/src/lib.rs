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
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    Qemu::print("HardFault\n");
    Qemu::exit(FAULTED)
}

/// The machine has 32 interrupts, and nobody turns them on.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".vector_table.interrupts")]
static __INTERRUPTS: [Option<unsafe extern "C" fn()>; 32] = [None; 32];
