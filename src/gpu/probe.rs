//! Whether there is a GPU to work with, found out without a panic: cudarc panics where a library is
//! missing, so each library is looked for before its first call.

use cudarc::driver::{CudaContext, result, sys};
use std::string::{String, ToString};
use std::vec::Vec;

/// The oldest driver that takes the crate's PTX, as the CUDA version that it reports: 12.0, which is
/// driver 525.
const OLDEST_DRIVER: i32 = 12_000;

/// The oldest architecture that the crate's PTX is made for: Turing.
const OLDEST_DEVICE: (i32, i32) = (7, 5);

/// A GPU that the crate can work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub ordinal: usize,
    /// Its name.
    pub name: String,
    /// Its compute capability.
    pub capability: (i32, i32),
    /// Bytes of its memory.
    pub memory: usize,
    /// The CUDA version of the driver, 1000 · major + 10 · minor.
    pub driver: i32,
}

/// Why there is no GPU to work with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absent {
    /// There is no driver library.
    NoDriver,
    /// The driver is too old: it has this CUDA version.
    OldDriver(i32),
    /// The driver sees no device.
    NoDevice,
    /// There is no device of this number, but so many.
    NoSuchDevice(usize, usize),
    /// The device is too old: it has this compute capability.
    OldDevice((i32, i32)),
    /// There is no cuBLAS library.
    NoBlas,
    /// There is no NCCL library, which several GPUs need.
    #[cfg(feature = "nccl")]
    NoNccl,
    /// NCCL is too old: it has this version.
    #[cfg(feature = "nccl")]
    OldNccl(i32),
    /// The driver reports an error.
    Driver(String),
}

impl core::fmt::Display for Absent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoDriver => f.write_str(
                "no NVIDIA driver (libcuda) is installed: install driver 525 or later, or train with --engine host",
            ),
            Self::OldDriver(version) => write!(
                f,
                "the NVIDIA driver is too old: it has CUDA {}.{}, 12.0 is needed: install driver 525 or later",
                version / 1000,
                version % 1000 / 10
            ),
            Self::NoDevice => f.write_str(
                "the NVIDIA driver sees no GPU: look at nvidia-smi and CUDA_VISIBLE_DEVICES",
            ),
            Self::NoSuchDevice(ordinal, count) => {
                write!(f, "there is no GPU number {ordinal}, but {count}, counted from 0")
            }
            Self::OldDevice((major, minor)) => write!(
                f,
                "the GPU is too old: it has compute capability {major}.{minor}, 7.5 (Turing) is needed"
            ),
            Self::NoBlas => f.write_str(
                "no cuBLAS library is installed: install the CUDA toolkit's libcublas 12 or 13, or put that \
                 of a Python package on LD_LIBRARY_PATH",
            ),
            #[cfg(feature = "nccl")]
            Self::NoNccl => f.write_str(
                "no NCCL library (libnccl.so) is on the library path: install libnccl-dev, or put a link of \
                 that name to a package's libnccl.so.2 on LD_LIBRARY_PATH",
            ),
            #[cfg(feature = "nccl")]
            Self::OldNccl(version) => {
                write!(f, "NCCL is too old: it has version {version}, 20906 (2.9.6) is needed")
            }
            Self::Driver(why) => write!(f, "the NVIDIA driver reports an error: {why}"),
        }
    }
}

impl core::error::Error for Absent {}

/// All GPUs, each with what it is or why it cannot be used.
///
/// # Errors
/// Where there is none at all.
pub fn probe() -> Result<Vec<Result<Found, Absent>>, Absent> {
    let count = devices()?;
    Ok((0..count).map(device).collect())
}

fn driver_error(error: impl core::fmt::Debug + ToString) -> Absent {
    Absent::Driver(error.to_string())
}

/// How many devices there are.
fn devices() -> Result<usize, Absent> {
    // SAFETY: it opens and closes the library, and calls nothing of it.
    if !unsafe { sys::is_culib_present() } {
        return Err(Absent::NoDriver);
    }
    let mut driver = 0;
    // SAFETY: the library is there, and the pointer is that of a number.
    let known = unsafe { sys::cuDriverGetVersion(&mut driver) }.result();
    known.map_err(driver_error)?;
    if driver < OLDEST_DRIVER {
        return Err(Absent::OldDriver(driver));
    }
    let count = match CudaContext::device_count() {
        Err(error) if error.0 == sys::CUresult::CUDA_ERROR_NO_DEVICE => 0,
        count => count.map_err(driver_error)?,
    };
    // SAFETY: it opens and closes the library, and calls nothing of it.
    match unsafe { cudarc::cublas::sys::is_culib_present() } {
        _ if count == 0 => Err(Absent::NoDevice),
        false => Err(Absent::NoBlas),
        true => Ok(count as usize),
    }
}

/// What one device is.
fn device(ordinal: usize) -> Result<Found, Absent> {
    let context = context(ordinal)?;
    let mut driver = 0;
    // SAFETY: the library is there, and the pointer is that of a number.
    unsafe { sys::cuDriverGetVersion(&mut driver) }.result().map_err(driver_error)?;
    Ok(Found {
        ordinal,
        name: context.name().map_err(driver_error)?,
        capability: context.compute_capability().map_err(driver_error)?,
        memory: context.total_mem().map_err(driver_error)?,
        driver,
    })
}

/// The context of a device that can be used.
pub(super) fn context(ordinal: usize) -> Result<std::sync::Arc<CudaContext>, Absent> {
    let count = devices()?;
    if ordinal >= count {
        return Err(Absent::NoSuchDevice(ordinal, count));
    }
    let context = CudaContext::new(ordinal).map_err(driver_error)?;
    let capability = context.compute_capability().map_err(driver_error)?;
    if capability < OLDEST_DEVICE {
        return Err(Absent::OldDevice(capability));
    }
    Ok(context)
}

/// Bytes of the current context's device that are free.
pub(super) fn free_memory() -> usize {
    result::mem_get_info().map_or(0, |(free, _)| free)
}
