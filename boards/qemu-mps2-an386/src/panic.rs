//! Three ways to panic: telling why, briefly, and not at all.

use core::panic::PanicInfo;

/// Feature `no-panic`: this symbol is nowhere, so an image from which it can be reached fails to link.
/// That is the proof that a program's `main` never panics.
#[cfg(feature = "no-panic")]
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    unsafe extern "C" {
        fn idinit_a_panic_is_reachable() -> !;
    }
    // SAFETY: never called, because never linked.
    unsafe { idinit_a_panic_is_reachable() }
}

#[cfg(all(feature = "report", not(feature = "no-panic")))]
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    common::panicked::<crate::Qemu>(info)
}

/// Without text formatting, which is several kilobytes of flash.
#[cfg(not(any(feature = "report", feature = "no-panic")))]
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    use common::Board;
    crate::Qemu::exit(common::PANICKED)
}
