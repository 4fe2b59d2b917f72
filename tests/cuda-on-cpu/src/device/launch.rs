//! Launches: checked against the kernel's signature and the device's limits, and run.

use std::ffi::{CStr, c_char, c_void};

use super::Machine;
use super::memory::Memory;
use super::module::Code;
use super::stream::Operation;
use crate::counters::{Counter, count};
use crate::error::{Error, Result};
use crate::report::{say, wrong};
use crate::settings::{planned_failure, settings};

/// `Parameter` of runtime/run.h.
#[repr(C)]
pub struct Parameter {
    bytes: u32,
    pointer: u32,
}

/// `Kernel` of runtime/run.h.
#[repr(C)]
pub struct Kernel {
    name: *const c_char,
    body: *const c_void,
    parameters: u32,
    parameter: *const Parameter,
    shared: u32,
    most_threads: u32,
    required: [u32; 3],
}

type Finder =
    unsafe extern "C" fn(*const c_void, u64, *mut u64, *mut u64, *mut c_char, usize) -> bool;

/// `Launch` of runtime/run.h.
#[repr(C)]
pub struct Order {
    kernel: *const Kernel,
    arguments: *mut *mut c_void,
    grid: [u32; 3],
    block: [u32; 3],
    dynamic: u32,
    order: u32,
    seed: u64,
    races: u32,
    finder: Finder,
    table: *const c_void,
    report: *mut c_char,
    room: u64,
}

pub type Run = unsafe extern "C" fn(*const Order) -> Code;

/// A multiprocessor's shared memory without asking for more, and with.
pub const SHARED: u32 = 48 * 1024;
pub const SHARED_ON_REQUEST: u32 = 99 * 1024;
pub const MOST_THREADS: u32 = 1024;

#[derive(Clone, Copy)]
pub struct Function {
    kernel: *const Kernel,
    run: Run,
    pub most_dynamic: u32,
}

// SAFETY: the kernel's description is constant, and runs are behind the machine's lock
unsafe impl Send for Function {}
// SAFETY: as above
unsafe impl Sync for Function {}

impl Function {
    pub fn new(kernel: *const Kernel, run: Run) -> Self {
        Self { kernel, run, most_dynamic: SHARED }
    }

    fn kernel(&self) -> &Kernel {
        // SAFETY: it lies in the module's library, which stays while functions of it are used
        unsafe { &*self.kernel }
    }

    pub fn name(&self) -> &str {
        // SAFETY: a literal of the module's library
        unsafe { CStr::from_ptr(self.kernel().name) }.to_str().unwrap_or("?")
    }

    pub fn shared(&self) -> u32 {
        self.kernel().shared
    }

    pub fn most_threads(&self) -> u32 {
        match self.kernel().most_threads {
            0 => MOST_THREADS,
            most => most.min(MOST_THREADS),
        }
    }

    fn parameters(&self) -> &[Parameter] {
        let kernel = self.kernel();
        // SAFETY: the translator wrote as many as it says
        unsafe { std::slice::from_raw_parts(kernel.parameter, kernel.parameters as usize) }
    }
}

#[derive(Clone, Copy)]
pub struct Shape {
    pub grid: [u32; 3],
    pub block: [u32; 3],
    pub dynamic: u32,
}

pub struct Launch {
    function: Function,
    shape: Shape,
    /// Copies of the arguments, in whole words.
    arguments: Vec<Vec<u64>>,
}

fn check_shape(function: &Function, shape: Shape) -> Result {
    let Shape { grid, block, dynamic } = shape;
    let name = function.name();
    let threads = block.iter().map(|size| u64::from(*size)).product::<u64>();
    let bad = |what: String| wrong(Error::InvalidValue, format_args!("kernel {name}: {what}"));
    if threads == 0 || threads > MOST_THREADS.into() || block[2] > 64 {
        return bad(format!("a block of {block:?} threads"));
    }
    if grid.contains(&0) || grid[0] > i32::MAX as u32 || grid[1] > 65_535 || grid[2] > 65_535 {
        return bad(format!("a grid of {grid:?} blocks"));
    }
    if threads > function.most_threads().into() {
        return bad(format!("{threads} threads, its bound is {}", function.most_threads()));
    }
    let required = function.kernel().required;
    if required[0] != 0 && required != block {
        return bad(format!("a block of {block:?}, it requires {required:?}"));
    }
    let shared = u64::from(dynamic) + u64::from(function.shared());
    if shared > function.most_dynamic.into() {
        let most = function.most_dynamic;
        return bad(format!("{shared} bytes of shared memory, the limit is {most}"));
    }
    Ok(())
}

impl Machine {
    /// # Safety
    ///
    /// `arguments` has a pointer to a value for each parameter of the kernel.
    pub unsafe fn launch(
        &mut self,
        function: usize,
        shape: Shape,
        stream: usize,
        arguments: *mut *mut c_void,
    ) -> Result {
        let function = *self.functions.get(&function).ok_or(Error::InvalidHandle)?;
        check_shape(&function, shape)?;
        let mut copies = vec![];
        for (place, parameter) in function.parameters().iter().enumerate() {
            let mut copy = vec![0_u64; parameter.bytes.div_ceil(8) as usize];
            // SAFETY: the caller's promise, and the copy has room
            unsafe {
                let from = (*arguments.add(place)).cast::<u8>();
                from.copy_to_nonoverlapping(copy.as_mut_ptr().cast(), parameter.bytes as usize);
            }
            if parameter.pointer != 0 && copy[0] != 0 {
                self.check_pointer(function.name(), place, copy[0] as usize)?;
            }
            copies.push(copy);
        }
        let launch = Launch { function, shape, arguments: copies };
        self.push(stream, Operation::Kernel(launch.into()))?;
        self.check()
    }

    /// A pointer must point into device memory, or at its end where it is empty.
    fn check_pointer(&mut self, kernel: &str, place: usize, address: usize) -> Result {
        let what = match self.memory.find(address) {
            // page-locked memory can be read from a device too
            Some(_) => return Ok(()),
            None if self.memory.find(address - 1).is_some() => return Ok(()),
            None => self.memory.explain(address),
        };
        self.lose(Error::IllegalAddress);
        wrong(
            Error::IllegalAddress,
            format_args!("kernel {kernel}: argument {place} is {address:#x}: {what}"),
        )
    }

    /// Runs a kernel; what it does wrong loses the device.
    pub fn run(&mut self, launch: &Launch) {
        let number = count(Counter::Launches, 1);
        let name = launch.function.name();
        let Shape { grid, block, dynamic } = launch.shape;
        if settings().trace {
            say(format_args!(
                "launch {number}: {name}, grid {grid:?}, block {block:?}, {dynamic} bytes"
            ));
        }
        if planned_failure("launch", number) {
            say(format_args!("kernel {name}: launch {number} fails, as CUDA_ON_CPU_FAIL says"));
            return self.lose(Error::LaunchFailed);
        }
        let arguments = launch.arguments.iter().map(|copy| copy.as_ptr() as *mut c_void);
        let mut arguments: Vec<*mut c_void> = arguments.collect();
        let mut report = [0 as c_char; 1200];
        let order = Order {
            kernel: launch.function.kernel,
            arguments: arguments.as_mut_ptr(),
            grid,
            block,
            dynamic,
            order: settings().order,
            seed: settings().seed.wrapping_add(number),
            races: settings().races.into(),
            finder: find,
            table: (&raw const self.memory).cast(),
            report: report.as_mut_ptr(),
            room: report.len() as u64,
        };
        // SAFETY: the layouts agree with runtime/run.h; the report ends in a zero
        let (code, report) = unsafe {
            let code = (launch.function.run)(&order);
            (code, CStr::from_ptr(report.as_ptr()).to_string_lossy())
        };
        if let Some(error) = Error::from_code(code) {
            say(&report);
            self.lose(error);
        }
    }
}

/// The kernel's question: which allocation holds this address?
unsafe extern "C" fn find(
    table: *const c_void,
    address: u64,
    start: *mut u64,
    end: *mut u64,
    words: *mut c_char,
    room: usize,
) -> bool {
    // SAFETY: `run` passed the memory, which nothing changes meanwhile; the kernel passed the rest
    unsafe {
        let memory = &*table.cast::<Memory>();
        if let Some((base, allocation)) = memory.find(address as usize) {
            *start = base as u64;
            *end = (base + allocation.bytes) as u64;
            return true;
        }
        let text = memory.explain(address as usize);
        let text = &text.as_bytes()[..text.len().min(room - 1)];
        words.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len());
        words.add(text.len()).write(0);
        false
    }
}
