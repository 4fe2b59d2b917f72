//! Counts the guest's instructions between pairs of addresses, exactly.
//!
//! `-plugin libcount.so,pair=NAME:START:STOP,…,out=FILE`, addresses in hexadecimal. What runs after the
//! instruction at START and before the one at STOP belongs to the pair; each time it closes, FILE gets
//! a line `NAME COUNT`. At the end follow lines `in COUNT SYMBOL`, all that ran inside any pair by the
//! function it is in, most first. QEMU asks at each translated block which instructions to watch; ours
//! watches all of them, and those at the addresses open and close.

mod qemu;

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use qemu::{Block, Id, Instruction};
use std::{
    collections::HashMap,
    fmt::Write,
    fs,
    path::PathBuf,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// Two addresses and what runs between them.
struct Pair {
    name: String,
    start: u64,
    stop: u64,
    open: AtomicBool,
    count: AtomicU64,
}

/// What the plugin was told on the command line.
struct Orders {
    pairs: Vec<Pair>,
    out: PathBuf,
}

/// An instruction's place, as its callback gets it.
struct Place {
    address: u64,
    /// How many instructions of its function ran inside a pair.
    inside: &'static AtomicU64,
}

static ORDERS: OnceLock<Orders> = OnceLock::new();
static CLOSED: Mutex<String> = Mutex::new(String::new());
static SYMBOLS: Mutex<Option<HashMap<String, &'static AtomicU64>>> = Mutex::new(None);

/// One instruction runs.
extern "C" fn run(_: c_uint, place: *mut c_void) {
    // SAFETY: `watch` registered this function with a place that lives for ever.
    let place = unsafe { &*place.cast::<Place>() };
    let Some(orders) = ORDERS.get() else { return };
    let mut inside = false;
    for pair in &orders.pairs {
        if place.address == pair.stop && pair.open.swap(false, Relaxed) {
            let count = pair.count.swap(0, Relaxed);
            let mut closed = CLOSED.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(closed, "{} {count}", pair.name);
        }
        if pair.open.load(Relaxed) {
            pair.count.fetch_add(1, Relaxed);
            inside = true;
        }
        if place.address == pair.start {
            pair.open.store(true, Relaxed);
            pair.count.store(0, Relaxed);
        }
    }
    if inside {
        place.inside.fetch_add(1, Relaxed);
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
        (qemu::qemu_plugin_insn_vaddr(instruction), name)
    };
    let mut symbols = SYMBOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let inside: &'static AtomicU64 = symbols
        .get_or_insert_default()
        .entry(symbol.into_owned())
        .or_insert_with(|| Box::leak(Box::default()));
    let place = Box::leak(Box::new(Place { address, inside }));
    // SAFETY: the instruction is of this block, and the leaked place outlives the guest. Flag 0: `run`
    // reads no register.
    unsafe {
        qemu::qemu_plugin_register_vcpu_insn_exec_cb(instruction, run, 0, (&raw mut *place).cast());
    }
}

/// The guest is done.
extern "C" fn finish(_: Id, _: *mut c_void) {
    let Some(orders) = ORDERS.get() else { return };
    let mut text = core::mem::take(&mut *CLOSED.lock().unwrap_or_else(PoisonError::into_inner));
    let symbols = SYMBOLS.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
    let mut counts: Vec<_> = symbols.iter().map(|(name, n)| (n.load(Relaxed), name)).collect();
    counts.retain(|(count, _)| *count > 0);
    counts.sort_by(|a, b| b.cmp(a));
    for (count, name) in counts {
        let _ = writeln!(text, "in {count} {name}");
    }
    if let Err(error) = fs::write(&orders.out, text) {
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
    let mut orders = Orders { pairs: Vec::new(), out: PathBuf::new() };
    for arg in args {
        match arg.split_once('=') {
            Some(("out", file)) => orders.out = file.into(),
            Some(("pair", pair)) => match *pair.split(':').collect::<Vec<_>>() {
                [name, start, stop] => orders.pairs.push(Pair {
                    name: name.into(),
                    start: address(start)?,
                    stop: address(stop)?,
                    open: AtomicBool::new(false),
                    count: AtomicU64::new(0),
                }),
                _ => return Err(format!("pair={pair} is not pair=NAME:START:STOP")),
            },
            _ => return Err(format!("{arg} is neither pair=… nor out=…")),
        }
    }
    if orders.out.as_os_str().is_empty() { Err("out=FILE is missing".into()) } else { Ok(orders) }
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
