//! Measures regions of a program: instructions, by a plugin of QEMU, and bytes of stack, by paint.
//!
//! The plugin (`boards/count`) counts what runs between the two markers below. The stack under the
//! caller is painted with a pattern first; afterwards, the deepest word that lost its paint tells how
//! far the region went down.

use crate::{Board, FAULTED};
use core::{
    arch::asm,
    hint::black_box,
    ptr::{with_exposed_provenance, with_exposed_provenance_mut},
};

/// Bytes painted. A region that needs as many or more ends the program.
const PAINTED: usize = 128 * 1024;
const PAINT: u32 = 0x5afe_57ac;

/// Runs `work`, prints `stack NAME BYTES` and returns these bytes with the result; the plugin counts
/// its instructions.
///
/// What `work` reads should come through [`black_box`], or the compiler computes it beforehand.
#[inline(never)]
pub fn region<B: Board, T>(name: &str, work: impl FnOnce() -> T) -> (T, usize) {
    let top = stack_pointer();
    let bottom = top - PAINTED;
    for word in (bottom..top).step_by(4) {
        // SAFETY: between the stack pointer and the program's data lies memory that nobody uses: RAM
        // is 4 MiB or more, interrupts are off, and this loop calls nothing that would have a frame there.
        unsafe { with_exposed_provenance_mut::<u32>(word).write_volatile(PAINT) };
    }
    let result = counted(work);
    let used = (bottom..top).step_by(4).find(|&word| {
        // SAFETY: as above; volatile, since the frames there are dead to the compiler.
        unsafe { with_exposed_provenance::<u32>(word).read_volatile() != PAINT }
    });
    if used == Some(bottom) {
        B::print("stack overran the paint\n");
        B::exit(FAULTED)
    }
    let used = top - used.unwrap_or(top);
    report::<B>("stack", name, used);
    (result, used)
}

#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    count_start();
    let result = black_box(work());
    count_stop();
    result
}

#[inline(always)]
fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!("mv {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
    {
        sp = unimplemented!("a stack pointer");
    }
    sp
}

/// Prints `WHAT NAME BYTES` without text formatting, whose flash and stack would be measured along.
pub fn report<B: Board>(what: &str, name: &str, bytes: usize) {
    B::print(what);
    B::print(" ");
    B::print(name);
    B::print(" ");
    let mut power = 1_000_000;
    let mut begun = false;
    while power > 0 {
        let digit = (bytes / power % 10) as u8;
        begun |= digit > 0 || power == 1;
        if begun {
            B::print(core::str::from_utf8(&[b'0' + digit]).unwrap_or("?"));
        }
        power /= 10;
    }
    B::print("\n");
}

/// The plugin counts from here.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_start() {
    // SAFETY: does nothing, but the compiler doesn't know and keeps work on its side.
    unsafe { asm!("nop") };
}

/// The plugin counts to here. Its body differs from the other's, or the compiler would merge them.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_stop() {
    // SAFETY: as above.
    unsafe { asm!("nop", "nop") };
}
