//! Semihosting: a trap by which a program without devices prints and ends through QEMU.
//!
//! <https://github.com/ARM-software/abi-aa/blob/main/semihosting/semihosting.rst>, and for RISC-V
//! <https://github.com/riscv-non-isa/riscv-semihosting>.

use crate::Board;
use core::arch::asm;

/// Opens a file; `:tt` for writing is the host's standard output.
const SYS_OPEN: usize = 0x01;
/// Closes a file.
const SYS_CLOSE: usize = 0x02;
/// Writes bytes to a file.
const SYS_WRITE: usize = 0x05;
/// Ends the run with an exit code.
const SYS_EXIT_EXTENDED: usize = 0x20;
/// Its reason "the application finished", as against a crash.
const APPLICATION_EXIT: usize = 0x20026;
/// The mode `w` of SYS_OPEN.
const MODE_W: usize = 4;

/// A board that QEMU plays.
pub struct Qemu;

impl Board for Qemu {
    fn print(text: &str) {
        let name = c":tt";
        let open = [name.as_ptr().expose_provenance(), MODE_W, name.count_bytes()];
        // SAFETY: the blocks are what each operation reads: name, mode, length; file, bytes, length;
        // file. All that they point at outlives the trap.
        unsafe {
            let file = trap(SYS_OPEN, open.as_ptr().expose_provenance());
            trap(
                SYS_WRITE,
                [file, text.as_ptr().expose_provenance(), text.len()].as_ptr().expose_provenance(),
            );
            trap(SYS_CLOSE, [file].as_ptr().expose_provenance());
        }
    }

    fn exit(code: i32) -> ! {
        let block = [APPLICATION_EXIT, code as usize];
        loop {
            // SAFETY: SYS_EXIT_EXTENDED reads the two words of `block`.
            unsafe { trap(SYS_EXIT_EXTENDED, block.as_ptr().expose_provenance()) };
        }
    }
}

/// Asks the host for `operation` and gives its answer.
///
/// # Safety
///
/// `argument` is what the operation's specification says: the address of a text or of a block of words.
unsafe fn trap(operation: usize, argument: usize) -> usize {
    let answer;
    // SAFETY: the caller vouches for the argument; the host changes r0 and, as asked,
    // memory.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("bkpt #0xab", inout("r0") operation => answer, in("r1") argument, options(nostack));
    }
    // SAFETY: as above, with a0; the three instructions must be uncompressed and on one page.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!(
            ".option push", ".option norvc", ".balign 16",
            "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => answer, in("a1") argument, options(nostack),
        );
    }
    #[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
    {
        answer = unimplemented!("semihosting operation {operation} {argument}");
    }
    answer
}
