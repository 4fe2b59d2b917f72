//! The programs that every board runs, and what they need of a board.
//!
//! `tests/firmware.rs` runs [`programs`] and [`recipe`] on the host, and compares every line.

#![no_std]

pub mod count;
pub mod device;
pub mod digits;
pub mod gestures;
pub mod int8;
#[cfg(feature = "talk")]
mod kept;
pub mod layers_int8;
pub mod learn;
mod lend;
#[cfg(feature = "talk")]
pub mod listener;
mod measure;
pub mod n1_int8;
pub mod n2_int8;
pub mod nets;
pub mod pieces;
pub mod programs;
pub mod recipe;
pub mod residual_int8;
pub mod semihosting;
#[cfg(feature = "talk")]
mod served;
pub mod sine_int8;
pub mod small;
#[cfg(feature = "talk")]
pub mod talk;
#[cfg(feature = "talk")]
pub mod uart;
#[cfg(feature = "talk")]
pub mod wearer;
pub mod words;

use core::{fmt, panic::PanicInfo};
use idinit::engine::Memory;
pub use lend::Lend;
use programs::{ARENA, STATE, Say, WEIGHTS};

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

/// Runs one of [`programs`], or [`recipe`], to its end. It has 93 KB of memory for them.
pub fn run<B: Board, E: fmt::Display>(program: impl FnOnce(Memory, Say) -> Result<(), E>) -> ! {
    static BUFFERS: Lend<([f32; WEIGHTS], [f32; STATE], [f32; ARENA])> =
        Lend::new(([0.0; WEIGHTS], [0.0; STATE], [0.0; ARENA]));
    let Some((weights, state, arena)) = BUFFERS.take() else { B::exit(1) };
    let memory = Memory { weights, state, arena };
    end::<B, E>(program(memory, &mut |line| print::<B>(line)))
}

/// Runs [`device`] with memory for flash to its end.
pub fn run_device<B: Board>() -> ! {
    static LENT: Lend<device::Lent> = Lend::new(device::Lent::ZEROS);
    // it is none at first, since what is not zeros would lie in the board's own flash, too
    static FLASH: Lend<Option<device::Flash>> = Lend::new(None);
    let Some((lent, flash)) = LENT.take().zip(FLASH.take()) else { B::exit(1) };
    let flash = flash.insert(device::Flash::new());
    let say: Say = &mut |line| print::<B>(line);
    end::<B, _>(device::learn(device::Lesson::FULL, lent, flash, say))
}

/// Ends a program by what came of it.
pub fn end<B: Board, E: fmt::Display>(result: Result<(), E>) -> ! {
    match result {
        Ok(()) => B::exit(0),
        Err(error) => {
            print::<B>(format_args!("{error}\n"));
            B::exit(1)
        }
    }
}

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
