//! Counts the guest's instructions between two addresses, exactly.
//!
//! `-plugin libcount.so,start=ADDRESS,stop=ADDRESS,out=FILE`, addresses in hexadecimal. What runs after
//! the instruction at START and before the one at STOP is a region; each time one closes, FILE gets a
//! line `region COUNT`, and for each instruction that ran in it `at COUNT ADDRESS SYMBOL`. QEMU asks at
//! each translated block which instructions to watch; ours watches all of them, and those at the two
//! addresses open and close.

mod qemu;

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use qemu::{Block, Id, Instruction};
use std::{
    fmt::Write,
    fs,
    path::PathBuf,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// What the plugin was told on the command line.
struct Orders {
    start: u64,
    stop: u64,
    out: PathBuf,
}

/// An instruction's place, as its callback gets it. A block may be translated again, and an address then
/// has several.
struct Place {
    address: u64,
    /// The function that it is in.
    symbol: String,
    /// How often it ran in the region that is open.
    count: AtomicU64,
}

static ORDERS: OnceLock<Orders> = OnceLock::new();
static OPEN: AtomicBool = AtomicBool::new(false);
static PLACES: Mutex<Vec<&'static Place>> = Mutex::new(Vec::new());
static CLOSED: Mutex<String> = Mutex::new(String::new());

/// One instruction runs.
extern "C" fn run(_: c_uint, place: *mut c_void) {
    // SAFETY: `watch` registered this function with a place that lives for ever.
    let place = unsafe { &*place.cast::<Place>() };
    let Some(orders) = ORDERS.get() else { return };
    if place.address == orders.stop && OPEN.swap(false, Relaxed) {
        close();
    }
    if OPEN.load(Relaxed) {
        place.count.fetch_add(1, Relaxed);
    }
    if place.address == orders.start {
        OPEN.store(true, Relaxed);
    }
}

/// Writes down the region and begins anew.
fn close() {
    let places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = places.iter().map(|place| (place.count.swap(0, Relaxed), place));
    let ran: Vec<_> = counts.filter(|(count, _)| *count > 0).collect();

    let mut closed = CLOSED.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(closed, "region {}", ran.iter().map(|(count, _)| count).sum::<u64>());
    for (count, Place { address, symbol, .. }) in ran {
        let _ = writeln!(closed, "at {count} {address:#x} {symbol}");
    }
}

/// A block is translated: each of its instructions is to call `run`.
extern "C" fn translate(_: Id, block: *mut Block) {
    // SAFETY: QEMU gives a block that lives until this function returns, and i is below its length.
    unsafe {
        for i in 0..qemu::qemu_plugin_tb_n_insns(block) {
            watch(qemu::qemu_plugin_tb_get_insn(block, i));
        }
    }
}

/// # Safety
///
/// `instruction` is one of the block that is being translated.
unsafe fn watch(instruction: *mut Instruction) {
    // SAFETY: as this function's; a symbol is null or a C string of QEMU's that outlives this call.
    let (address, symbol) = unsafe {
        let symbol = qemu::qemu_plugin_insn_symbol(instruction);
        let known = !symbol.is_null();
        let name = if known { CStr::from_ptr(symbol).to_string_lossy() } else { "?".into() };
        (qemu::qemu_plugin_insn_vaddr(instruction), name.into_owned())
    };
    let place = Box::leak(Box::new(Place { address, symbol, count: AtomicU64::new(0) }));
    let data = (&raw mut *place).cast();
    PLACES.lock().unwrap_or_else(PoisonError::into_inner).push(place);
    // SAFETY: the instruction is of this block, and the leaked place outlives the guest. Flag 0: `run`
    // reads no register.
    unsafe { qemu::qemu_plugin_register_vcpu_insn_exec_cb(instruction, run, 0, data) };
}

/// The guest is done.
extern "C" fn finish(_: Id, _: *mut c_void) {
    let Some(orders) = ORDERS.get() else { return };
    let closed = CLOSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = fs::write(&orders.out, &*closed) {
        eprintln!("count: {}: {error}", orders.out.display());
    }
}

fn orders(args: impl Iterator<Item = String>) -> Result<Orders, String> {
    // Bit 0 of an ARM symbol says Thumb; it is no part of the address.
    let address = |hex: &str| {
        u64::from_str_radix(hex.trim_start_matches("0x"), 16)
            .map(|address| address & !1)
            .map_err(|error| format!("{hex}: {error}"))
    };
    let (mut start, mut stop, mut out) = (None, None, None);
    for arg in args {
        match arg.split_once('=') {
            Some(("start", hex)) => start = Some(address(hex)?),
            Some(("stop", hex)) => stop = Some(address(hex)?),
            Some(("out", file)) => out = Some(file.into()),
            _ => return Err(format!("{arg} is none of start=…, stop=… and out=…")),
        }
    }
    match (start, stop, out) {
        (Some(start), Some(stop), Some(out)) => Ok(Orders { start, stop, out }),
        _ => Err("start=ADDRESS, stop=ADDRESS and out=FILE are all needed".into()),
    }
}

/// QEMU loads the plugin. Anything but 0 ends QEMU.
///
/// # Safety
///
/// QEMU's own contract: `argv` has `argc` C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: Id,
    _: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let args = (0..argc as usize).map(|i| {
        // SAFETY: i is below argc.
        unsafe { CStr::from_ptr(*argv.add(i)) }.to_string_lossy().into_owned()
    });
    match orders(args) {
        Ok(orders) => {
            let _ = ORDERS.set(orders);
            // SAFETY: both functions have the signatures that QEMU calls them by.
            unsafe {
                qemu::qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
                qemu::qemu_plugin_register_atexit_cb(id, finish, core::ptr::null_mut());
            }
            0
        }
        Err(error) => {
            eprintln!("count: {error}");
            1
        }
    }
}
