//! The products of cuBLAS that the crate asks for, column by column as there, by `matrixmultiply`.
//!
//! Every matrix is checked to lie within one allocation. Sums are in another order than on a GPU. TF32, where
//! it is allowed, rounds the factors to 10 bits of fraction.

use std::ffi::{c_int, c_longlong, c_void};
use std::sync::Arc;

use half::bf16;

use crate::counters::{Counter, count};
use crate::device::stream::{Operation, stream_of};
use crate::device::{Machine, lock};
use crate::error::{Error, Result};
use crate::report::{say, wrong};
use crate::settings::{planned_failure, settings};

/// cublasStatus_t.
const SUCCESS: c_int = 0;
const NOT_INITIALIZED: c_int = 1;
const INVALID_VALUE: c_int = 7;
const EXECUTION_FAILED: c_int = 13;
const NOT_SUPPORTED: c_int = 15;

/// cublasMath_t, cublasComputeType_t, cudaDataType_t.
const TF32_MATH: c_int = 3;
const COMPUTE_F32: c_int = 68;
const DATA_F32: c_int = 0;
const DATA_BF16: c_int = 14;

/// What a handle stands for.
struct Handle {
    stream: usize,
    tf32: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    F32,
    Bf16,
}

impl Numbers {
    fn from_code(code: c_int) -> Option<Self> {
        match code {
            DATA_F32 => Some(Self::F32),
            DATA_BF16 => Some(Self::Bf16),
            _ => None,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }
}

/// Matrices one after the other: number (row, column) lies at `row + column · step`, of a turned one at
/// `column + row · step`.
#[derive(Clone, Copy)]
struct Matrices {
    start: usize,
    numbers: Numbers,
    step: usize,
    apart: c_longlong,
    turned: bool,
}

impl Matrices {
    /// Refuses what does not lie in one allocation.
    fn check(&self, machine: &Machine, what: &str, sizes: (usize, usize), count: usize) -> Result {
        let (rows, columns) = if self.turned { (sizes.1, sizes.0) } else { sizes };
        if self.step < rows.max(1) {
            return wrong(
                Error::InvalidValue,
                format_args!("gemm: {what} has {rows} rows, {} apart", self.step),
            );
        }
        let apart = usize::try_from(self.apart).map_err(|_| Error::InvalidValue)?;
        let numbers = apart * (count - 1) + self.step * (columns - 1) + rows;
        machine.memory.check(&format!("gemm: {what}"), self.start, numbers * self.numbers.bytes())
    }

    /// Where a matrix begins, and the steps from row to row and from column to column.
    fn matrix(&self, which: usize) -> (usize, isize, isize) {
        let start = self.start + which * self.apart as usize * self.numbers.bytes();
        let step = self.step as isize;
        if self.turned { (start, step, 1) } else { (start, 1, step) }
    }

    /// All numbers of a matrix, row by row.
    ///
    /// # Safety
    ///
    /// The matrix was checked.
    unsafe fn read(&self, which: usize, (rows, columns): (usize, usize), tf32: bool) -> Vec<f32> {
        let (start, by_row, by_column) = self.matrix(which);
        let mut numbers = Vec::with_capacity(rows * columns);
        for row in 0..rows as isize {
            for column in 0..columns as isize {
                let at = row * by_row + column * by_column;
                // SAFETY: within the matrix, which was checked
                let number = unsafe {
                    match self.numbers {
                        Numbers::F32 => *(start as *const f32).offset(at),
                        Numbers::Bf16 => (*(start as *const bf16).offset(at)).to_f32(),
                    }
                };
                numbers.push(if tf32 { to_tf32(number) } else { number });
            }
        }
        numbers
    }
}

/// The nearest number with 10 bits of fraction; of two the even one.
fn to_tf32(number: f32) -> f32 {
    if !number.is_finite() {
        return number;
    }
    let bits = number.to_bits();
    f32::from_bits((bits + 0xfff + (bits >> 13 & 1)) & !0x1fff)
}

/// C = α A B + β C, for each of `count`.
#[derive(Clone, Copy)]
struct Product {
    sizes: [usize; 3],
    factors: (f32, f32),
    a: Matrices,
    b: Matrices,
    c: Matrices,
    count: usize,
    tf32: bool,
}

impl Product {
    fn check(&self, machine: &Machine) -> Result {
        let [m, n, k] = self.sizes;
        if k > 0 {
            self.a.check(machine, "A", (m, k), self.count)?;
            self.b.check(machine, "B", (k, n), self.count)?;
        }
        self.c.check(machine, "C", (m, n), self.count)
    }

    /// # Safety
    ///
    /// It was checked, and the memory is still there.
    unsafe fn run(&self) {
        let ([m, n, k], (alpha, beta)) = (self.sizes, self.factors);
        for which in 0..self.count {
            // SAFETY: the caller's promise
            let (a, b) = unsafe {
                (self.a.read(which, (m, k), self.tf32), self.b.read(which, (k, n), self.tf32))
            };
            let (start, by_row, by_column) = self.c.matrix(which);
            let mut sums = vec![0.0; m * n];
            // SAFETY: both factors are whole, row by row, and the sums have room
            unsafe {
                let (k_step, n_step) = (k as isize, n as isize);
                let (a, b, sums) = (a.as_ptr(), b.as_ptr(), sums.as_mut_ptr());
                matrixmultiply::sgemm(
                    m, k, n, alpha, a, k_step, 1, b, n_step, 1, 0.0, sums, n_step, 1,
                );
            }
            for (place, sum) in sums.into_iter().enumerate() {
                let at = (place / n) as isize * by_row + (place % n) as isize * by_column;
                // SAFETY: within C, which was checked. Where beta is 0, C is not read.
                unsafe {
                    match self.c.numbers {
                        Numbers::F32 => {
                            let old = (start as *mut f32).offset(at);
                            *old = if beta == 0.0 { sum } else { sum + beta * *old };
                        }
                        Numbers::Bf16 => {
                            let old = (start as *mut bf16).offset(at);
                            let more = if beta == 0.0 { 0.0 } else { beta * (*old).to_f32() };
                            *old = bf16::from_f32(sum + more);
                        }
                    }
                }
            }
        }
    }

    fn ask(self, stream: usize) -> c_int {
        if self.sizes[0] == 0 || self.sizes[1] == 0 || self.count == 0 {
            return SUCCESS;
        }
        let mut machine = lock();
        if machine.check().is_err() {
            return EXECUTION_FAILED;
        }
        if self.check(&machine).is_err() {
            return INVALID_VALUE;
        }
        let work = move |machine: &mut Machine| {
            let number = count(Counter::Gemms, 1);
            if settings().trace {
                say(format_args!("gemm {number}: {:?}, {} times", self.sizes, self.count));
            }
            if planned_failure("gemm", number) {
                return wrong(Error::LaunchFailed, "a gemm fails, as CUDA_ON_CPU_FAIL says");
            }
            self.check(machine)?;
            // SAFETY: checked in the line above
            unsafe { self.run() };
            Ok(())
        };
        match machine.push(stream, Operation::Library(Arc::new(work))) {
            Ok(()) => SUCCESS,
            Err(_) => EXECUTION_FAILED,
        }
    }
}

/// # Safety
///
/// `handle` is null or was made by `cublasCreate_v2` and not destroyed.
unsafe fn handle<'a>(handle: *mut c_void) -> Option<&'a mut Handle> {
    // SAFETY: the caller's promise
    unsafe { handle.cast::<Handle>().as_mut() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasCreate_v2(made: *mut *mut c_void) -> c_int {
    let handle = Box::new(Handle { stream: stream_of(std::ptr::null_mut()), tf32: false });
    // SAFETY: the program's own pointer
    unsafe { made.write(Box::into_raw(handle).cast()) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasDestroy_v2(handle: *mut c_void) -> c_int {
    if handle.is_null() {
        return NOT_INITIALIZED;
    }
    // SAFETY: made by `cublasCreate_v2`
    drop(unsafe { Box::from_raw(handle.cast::<Handle>()) });
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSetStream_v2(asked: *mut c_void, stream: *mut c_void) -> c_int {
    // SAFETY: the program's own handle
    let Some(handle) = (unsafe { handle(asked) }) else { return NOT_INITIALIZED };
    handle.stream = stream_of(stream);
    SUCCESS
}

/// Default math, or TF32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSetMathMode(asked: *mut c_void, mode: c_int) -> c_int {
    // SAFETY: the program's own handle
    let Some(handle) = (unsafe { handle(asked) }) else { return NOT_INITIALIZED };
    if mode != 0 && mode != TF32_MATH {
        return NOT_SUPPORTED;
    }
    handle.tf32 = mode == TF32_MATH;
    SUCCESS
}

/// The workspace must be the device's memory; nothing is written there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSetWorkspace_v2(
    asked: *mut c_void,
    workspace: *mut c_void,
    bytes: usize,
) -> c_int {
    // SAFETY: the program's own handle
    if unsafe { handle(asked) }.is_none() {
        return NOT_INITIALIZED;
    }
    match lock().memory.check("cuBLAS workspace", workspace as usize, bytes) {
        Ok(()) => SUCCESS,
        Err(_) => INVALID_VALUE,
    }
}

/// cublasOperation_t: plain or turned; conjugates are for complex numbers.
fn turned(operation: c_int) -> Option<bool> {
    match operation {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn sizes<const N: usize>(numbers: [c_int; N]) -> Option<[usize; N]> {
    let mut sizes = [0; N];
    for (size, number) in sizes.iter_mut().zip(numbers) {
        *size = usize::try_from(number).ok()?;
    }
    Some(sizes)
}

#[unsafe(no_mangle)]
#[allow(non_snake_case, clippy::too_many_arguments)]
pub unsafe extern "C" fn cublasSgemmStridedBatched(
    asked: *mut c_void,
    a_way: c_int,
    b_way: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: *const f32,
    a_step: c_int,
    a_apart: c_longlong,
    b: *const f32,
    b_step: c_int,
    b_apart: c_longlong,
    beta: *const f32,
    c: *mut f32,
    c_step: c_int,
    c_apart: c_longlong,
    count: c_int,
) -> c_int {
    // SAFETY: the same arguments, with the types said
    unsafe {
        cublasGemmStridedBatchedEx(
            asked,
            a_way,
            b_way,
            m,
            n,
            k,
            alpha.cast(),
            a.cast(),
            DATA_F32,
            a_step,
            a_apart,
            b.cast(),
            DATA_F32,
            b_step,
            b_apart,
            beta.cast(),
            c.cast(),
            DATA_F32,
            c_step,
            c_apart,
            count,
            COMPUTE_F32,
            -1,
        )
    }
}

#[unsafe(no_mangle)]
#[allow(non_snake_case, clippy::too_many_arguments)]
pub unsafe extern "C" fn cublasGemmStridedBatchedEx(
    asked: *mut c_void,
    a_way: c_int,
    b_way: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const c_void,
    a: *const c_void,
    a_type: c_int,
    a_step: c_int,
    a_apart: c_longlong,
    b: *const c_void,
    b_type: c_int,
    b_step: c_int,
    b_apart: c_longlong,
    beta: *const c_void,
    c: *mut c_void,
    c_type: c_int,
    c_step: c_int,
    c_apart: c_longlong,
    count: c_int,
    compute: c_int,
    _algorithm: c_int,
) -> c_int {
    // SAFETY: the program's own handle
    let Some(handle) = (unsafe { handle(asked) }) else { return NOT_INITIALIZED };
    if compute != COMPUTE_F32 {
        say(format_args!("gemm: compute type {compute} is not implemented"));
        return NOT_SUPPORTED;
    }
    let read = || {
        let [m, n, k, a_step, b_step, c_step, count] =
            sizes([m, n, k, a_step, b_step, c_step, count])?;
        let matrices = |start: *const c_void, code, step, apart, way| {
            let numbers = Numbers::from_code(code)?;
            Some(Matrices { start: start as usize, numbers, step, apart, turned: turned(way)? })
        };
        Some(Product {
            sizes: [m, n, k],
            // SAFETY: factors of the host, as programs here always give them
            factors: unsafe { (*alpha.cast::<f32>(), *beta.cast::<f32>()) },
            a: matrices(a, a_type, a_step, a_apart, a_way)?,
            b: matrices(b, b_type, b_step, b_apart, b_way)?,
            c: matrices(c.cast_const(), c_type, c_step, c_apart, 0)?,
            count,
            tf32: handle.tf32 && a_type == DATA_F32 && b_type == DATA_F32,
        })
    };
    match read() {
        Some(product) => product.ask(handle.stream),
        None => INVALID_VALUE,
    }
}
