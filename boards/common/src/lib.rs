//! The programs that every board runs, each a function over what a board can do.
//!
//! A program prints one line `fingerprint NAME HEX` for each thing that must have the same bits
//! everywhere; `tests/firmware.rs` computes the same on the host and compares.

#![no_std]

mod fingerprint;
pub mod init;
mod lend;
pub mod nets;
pub mod semihosting;

use core::{fmt, panic::PanicInfo};
pub use lend::Lend;

/// A board, as far as a program needs to know it.
pub trait Board {
    /// Sends `text` to whoever watches.
    fn print(text: &str);
    /// Ends the program; 0 is success.
    fn exit(code: i32) -> !;
}

/// The exit code after a panic.
pub const PANICKED: i32 = 101;
/// The exit code after a processor fault.
pub const FAULTED: i32 = 103;

/// Prints formatted text, `print::<B>(format_args!("{x}\n"))`.
pub fn print<B: Board>(args: fmt::Arguments) {
    struct To<B>(core::marker::PhantomData<B>);
    impl<B: Board> fmt::Write for To<B> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            B::print(text);
            Ok(())
        }
    }
    let _ = fmt::write(&mut To::<B>(core::marker::PhantomData), args);
}

/// Prints where and why the program panicked, and ends it.
pub fn panicked<B: Board>(info: &PanicInfo) -> ! {
    print::<B>(format_args!("{info}\n"));
    B::exit(PANICKED)
}
