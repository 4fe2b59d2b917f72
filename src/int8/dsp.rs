//! Four products in two instructions, by Arm's DSP extension (Cortex-M4, M7 and others): the only unsafe code
//! beside that of the GPU. Each function is one instruction that reads and writes registers.
//!
//! The compiler has these as intrinsics, but not in a stable release.

use core::arch::asm;

/// The bytes 0 and 2 of `x` as two signed numbers of 16 bits.
#[inline(always)]
pub(super) fn even(x: u32) -> u32 {
    let y;
    // SAFETY: SXTB16 reads one register and writes another; it touches neither memory nor flags.
    unsafe {
        asm!("sxtb16 {}, {}", lateout(reg) y, in(reg) x, options(pure, nomem, nostack, preserves_flags));
    }
    y
}

/// The bytes 1 and 3 of `x` as two signed numbers of 16 bits.
#[inline(always)]
pub(super) fn odd(x: u32) -> u32 {
    let y;
    // SAFETY: SXTB16 reads one register and writes another; it touches neither memory nor flags.
    unsafe {
        asm!("sxtb16 {}, {}, ror #8", lateout(reg) y, in(reg) x, options(pure, nomem, nostack, preserves_flags));
    }
    y
}

/// `sum` and both products of the signed numbers of 16 bits in `a` and `b`.
#[inline(always)]
pub(super) fn add_products(a: u32, b: u32, sum: i32) -> i32 {
    let y;
    // SAFETY: SMLAD reads three registers and writes another. It touches no memory; of the flags it may set
    // Q, which is why they are not said to be preserved.
    unsafe {
        asm!("smlad {}, {}, {}, {}", lateout(reg) y, in(reg) a, in(reg) b, in(reg) sum, options(pure, nomem, nostack));
    }
    y
}
