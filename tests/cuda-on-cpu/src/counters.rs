//! What the device has done since it started, said at the end where calls are traced.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::report::say;
use crate::settings::settings;

#[derive(Clone, Copy)]
pub enum Counter {
    Launches,
    Gemms,
    Allocations,
    BytesToDevice,
    BytesToHost,
    BytesOnDevice,
    GraphLaunches,
    PinnedBytes,
    Waits,
    Pins,
    Collectives,
}

const NAMES: [&str; 11] = [
    "launches",
    "gemms",
    "allocations",
    "bytes to the device",
    "bytes to the host",
    "bytes on the device",
    "graph launches",
    "bytes from page-locked memory",
    "waits of the host",
    "page-locked allocations",
    "collectives",
];

static COUNTS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

/// Counts, and gives the new sum.
pub fn count(what: Counter, amount: usize) -> u64 {
    COUNTS[what as usize].fetch_add(amount as u64, Relaxed) + amount as u64
}

/// Says them all when the process ends, where it is traced.
pub fn say_at_exit() {
    extern "C" fn at_exit() {
        for (name, count) in NAMES.iter().zip(&COUNTS) {
            say(format_args!("{name}: {}", count.load(Relaxed)));
        }
    }
    if settings().trace {
        // SAFETY: a function of this library, which is never unloaded while the process runs
        unsafe { libc::atexit(at_exit) };
    }
}
