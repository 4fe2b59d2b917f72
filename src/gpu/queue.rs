//! A queue of work for one device: what is asked for is done in order, while the host goes on.

use super::counts::{Call, Counts};
use super::{Absent, Error, buffer::Buffer, kernels, probe};
use core::cell::RefCell;
use cudarc::cublas::CudaBlas;
use cudarc::driver::{CudaFunction, CudaSlice, CudaStream, DevicePtr, DriverError};
use std::collections::HashMap;
use std::string::ToString;
use std::sync::Arc;
use std::vec::Vec;

/// Bytes that cuBLAS works in: given to it once, its sums are the same in every run, and a recorded step
/// allocates nothing.
const WORKSPACE: usize = 32 << 20;

/// A queue, with all that its work needs. What it took of the device's memory it keeps.
pub(crate) struct Queue {
    // nothing is done without one, but counted all the same
    device: Option<Device>,
    /// The sizes of each kernel's arguments.
    signatures: HashMap<&'static str, Vec<usize>>,
    counts: RefCell<Counts>,
    /// Whether products may round their factors to TF32.
    pub(super) tf32: bool,
}

/// A device at work.
pub(super) struct Device {
    pub blas: CudaBlas,
    pub functions: HashMap<&'static str, CudaFunction>,
    pub buffers: Vec<Buffer>,
    _workspace: CudaSlice<u8>,
    pub stream: Arc<CudaStream>,
}

pub(super) fn driver_error(doing: &'static str, error: DriverError) -> Error {
    Error::Driver { doing, why: error.to_string() }
}

/// The error of an allocation of so many bytes.
pub(super) fn memory_error(error: DriverError, need: usize) -> Error {
    match error.0 {
        cudarc::driver::sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            Error::Memory { need, free: probe::free_memory() }
        }
        _ => driver_error("taking memory", error),
    }
}

pub(super) fn blas_error(error: cudarc::cublas::result::CublasError) -> Error {
    Error::Blas { why: std::format!("{:?}", error.0) }
}

impl Queue {
    /// A queue for the device of this number.
    ///
    /// # Errors
    /// Where there is no such device, or it cannot be used.
    pub fn new(ordinal: usize) -> Result<Self, Error> {
        let context = probe::context(ordinal).map_err(Error::Absent)?;
        // SAFETY: there is one queue, which orders its work by itself; events of cudarc's own would
        // stand in the way of recording.
        unsafe { context.disable_event_tracking() };
        let stream =
            context.new_stream().map_err(|error| driver_error("opening a stream", error))?;
        let functions = kernels::load(&context)?;
        let blas = CudaBlas::new(Arc::clone(&stream)).map_err(blas_error)?;
        let workspace = stream.alloc_zeros::<u8>(WORKSPACE);
        let workspace = workspace.map_err(|error| memory_error(error, WORKSPACE))?;
        {
            let (at, _) = workspace.device_ptr(&stream);
            // SAFETY: the workspace is as long as said, and lives as long as the handle.
            let set = unsafe {
                cudarc::cublas::sys::cublasSetWorkspace_v2(*blas.handle(), at as *mut _, WORKSPACE)
            };
            set.result().map_err(blas_error)?;
        }
        let buffers = Vec::new();
        let device = Device { blas, functions, buffers, _workspace: workspace, stream };
        Ok(Self { device: Some(device), ..Self::counting() })
    }

    /// A queue without a device, which counts what is asked of it.
    pub fn counting() -> Self {
        let signatures = kernels::signatures(kernels::PTX).into_iter().collect();
        Self { device: None, signatures, counts: RefCell::default(), tf32: false }
    }

    /// Whether products may round their factors to TF32.
    pub const fn allows_tf32(&self) -> bool {
        self.tf32
    }

    pub(super) const fn device(&self) -> Option<&Device> {
        self.device.as_ref()
    }

    pub(super) const fn device_mut(&mut self) -> Option<&mut Device> {
        self.device.as_mut()
    }

    /// The sizes of a kernel's arguments, if there is one of that name.
    pub(super) fn signature(&self, name: &str) -> Option<&[usize]> {
        self.signatures.get(name).map(Vec::as_slice)
    }

    /// Notes what is asked for, where nothing is done.
    pub(super) fn count(&self, call: Call) {
        if self.device.is_some() {
            return;
        }
        self.counts.borrow_mut().calls.push(call);
    }

    /// What was asked for since this was called last.
    pub fn counted(&self) -> Counts {
        self.counts.take()
    }

    /// A place for numbers that lie nowhere.
    pub(super) fn nowhere(&self, count: usize) -> u64 {
        let counts = &mut *self.counts.borrow_mut();
        // as if they began at whole lines of memory; 0 is nowhere at all
        let at = 256 + counts.taken;
        counts.taken += (4 * count as u64).next_multiple_of(256);
        at
    }

    /// Waits until all is done.
    pub fn wait(&self) -> Result<(), Error> {
        let Some(device) = &self.device else { return Ok(()) };
        device.stream.synchronize().map_err(|error| driver_error("waiting for a step", error))
    }
}

impl From<Absent> for Error {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent)
    }
}
