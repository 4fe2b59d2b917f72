//! All devices of the machine, behind one lock: their memory, streams, events, captures and modules.

pub mod capture;
pub mod event;
pub mod launch;
pub mod memory;
pub mod module;
pub mod stream;

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crate::counters;
use crate::error::{Error, Result};
use crate::settings::settings;
use capture::Capture;
use event::Event;
use launch::Function;
use memory::Memory;
use module::Module;
use stream::{Operation, Stream};

thread_local! {
    static CONTEXT: Cell<usize> = const { Cell::new(0) };
}

/// Handles of contexts: this, and the device's number.
const FIRST_CONTEXT: usize = 0x1000;

#[derive(Default)]
pub struct Machine {
    pub memory: Memory,
    pub streams: HashMap<usize, Stream>,
    pub events: HashMap<usize, Event>,
    pub graphs: HashMap<usize, Arc<Vec<Operation>>>,
    pub modules: HashMap<usize, Module>,
    /// The library of each text that was loaded: a program loads the same module again for each engine.
    pub libraries: HashMap<String, PathBuf>,
    pub functions: HashMap<usize, Function>,
    pub captures: Vec<Capture>,
    /// The stream where a ticket's event is still to be recorded.
    pub pending: HashMap<u64, usize>,
    pub tickets: u64,
    handles: usize,
    lost: Option<Error>,
}

static MACHINE: OnceLock<Mutex<Machine>> = OnceLock::new();

pub fn lock() -> MutexGuard<'static, Machine> {
    let machine = MACHINE.get_or_init(|| {
        counters::say_at_exit();
        Mutex::new(Machine::default())
    });
    machine.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The machine, for a call that a lost device refuses.
pub fn alive() -> Result<MutexGuard<'static, Machine>> {
    let machine = lock();
    machine.check()?;
    Ok(machine)
}

pub fn context_of(device: i32) -> usize {
    FIRST_CONTEXT + device as usize
}

pub fn context() -> usize {
    CONTEXT.get()
}

pub fn set_context(context: usize) {
    CONTEXT.set(context);
}

/// The device of this thread's context; the first where it has none.
pub fn current_device() -> usize {
    CONTEXT.get().saturating_sub(FIRST_CONTEXT).min(settings().devices.max(1) as usize - 1)
}

impl Machine {
    /// A handle that no other thing has.
    pub fn handle(&mut self) -> usize {
        self.handles += 1;
        0x1_0000 + 16 * self.handles
    }

    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// The error that a kernel left: it stays, as on a device, until the process ends.
    pub fn check(&self) -> Result {
        self.lost.map_or(Ok(()), Err)
    }

    pub fn lose(&mut self, error: Error) {
        self.lost.get_or_insert(error);
    }
}
