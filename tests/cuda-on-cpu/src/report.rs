//! What went wrong, said on stderr by name; and every call, where `CUDA_ON_CPU_TRACE` is set.

use std::ffi::c_int;
use std::fmt::Display;

use crate::error::{Error, Result};
use crate::settings::settings;

pub fn say(what: impl Display) {
    eprintln!("[cuda-on-cpu] {what}");
}

/// Says it, and gives the error back.
pub fn wrong<T>(error: Error, what: impl Display) -> Result<T> {
    say(what);
    Err(error)
}

/// The code of a call, traced.
pub fn call(name: &str, body: impl FnOnce() -> Result) -> c_int {
    let result = body();
    let code = result.err().map_or(0, |error| error as c_int);
    if settings().trace {
        match result {
            Ok(()) => say(name),
            Err(error) => say(format_args!("{name} -> {error:?}")),
        }
    }
    code
}
