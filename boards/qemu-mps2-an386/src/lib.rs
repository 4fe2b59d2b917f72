//! A Cortex-M4F on QEMU's mps2-an386: the processor that every number of instructions is for.

#![no_std]

mod panic;

pub use common::semihosting::Qemu;
use common::{Board, FAULTED};

/// Ends the run; the runtime's own handler would loop for ever.
#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    #[cfg(feature = "report")]
    common::print::<Qemu>(format_args!("HardFault at {:#010x}\n", frame.pc()));
    #[cfg(not(feature = "report"))]
    let _ = frame;
    Qemu::exit(FAULTED)
}

/// The machine has 32 interrupts, and nobody turns them on.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".vector_table.interrupts")]
static __INTERRUPTS: [Option<unsafe extern "C" fn()>; 32] = [None; 32];
