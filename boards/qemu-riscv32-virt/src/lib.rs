//! A RISC-V of 32 bits, without its floating-point unit, on QEMU's virt.

#![no_std]

pub use common::semihosting::Qemu;
use common::{Board, FAULTED};

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    common::panicked::<Qemu>(info)
}

/// Ends the run at a fault; the runtime's own handler would loop for ever.
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception(_: &riscv_rt::TrapFrame) -> ! {
    Qemu::print("exception\n");
    Qemu::exit(FAULTED)
}
