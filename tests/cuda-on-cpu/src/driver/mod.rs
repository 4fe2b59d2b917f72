//! The functions of libcuda that programs look up by name. Each checks what it is given, holds the machine's
//! lock while it works, and gives a CUresult.
//!
//! What is here is what cudarc's safe layer calls; another function is missing by its name, loudly.

mod context;
mod graphs;
mod memory;
mod modules;
mod streams;

use std::ffi::c_void;

/// A handle, which programs only hand back.
type Handle = *mut c_void;
/// An address of the device, as CUdeviceptr.
type Address = u64;

/// Writes through a pointer that a program gave for a result.
///
/// # Safety
///
/// `out` is null or valid for writing.
unsafe fn give<T>(out: *mut T, value: T) -> crate::error::Result {
    if out.is_null() {
        return Err(crate::error::Error::InvalidValue);
    }
    // SAFETY: the caller's promise
    unsafe { out.write(value) };
    Ok(())
}

/// Exported functions in C's manner, whose bodies give a `Result`.
macro_rules! exported {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $of:ty),* $(,)?) $body:block)*) => { $(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        #[allow(non_snake_case, clippy::too_many_arguments, clippy::missing_safety_doc)]
        pub unsafe extern "C" fn $name($($argument: $of),*) -> std::ffi::c_int {
            $crate::report::call(stringify!($name), || $body)
        }
    )* };
}
use exported;
