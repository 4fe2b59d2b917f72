//! A queue of work for one device: what is asked for is done in order, while the host goes on.

use super::{Absent, Error, buffer::Buffer, kernels, kernels::Kernel, probe};
use cudarc::cublas::CudaBlas;
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DriverError};
use std::collections::HashMap;
use std::string::ToString;
use std::sync::Arc;
use std::vec::Vec;

/// Bytes that cuBLAS works in: given to it once, its sums are the same in every run, and a recorded step
/// allocates nothing.
const WORKSPACE: usize = 32 << 20;

/// A queue, with all that its work needs. What it took of the device's memory it keeps.
pub(crate) struct Queue {
    blas: CudaBlas,
    kernels: HashMap<&'static str, Kernel>,
    buffers: Vec<Buffer>,
    _workspace: CudaSlice<u8>,
    stream: Arc<CudaStream>,
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
        let kernels = kernels::load(&context)?;
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
        Ok(Self { blas, kernels, buffers: Vec::new(), _workspace: workspace, stream })
    }

    pub(super) const fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    pub(super) const fn blas(&self) -> &CudaBlas {
        &self.blas
    }

    pub(super) const fn kernels(&self) -> &HashMap<&'static str, Kernel> {
        &self.kernels
    }

    pub(super) fn keep(&mut self, buffer: Buffer) {
        self.buffers.push(buffer);
    }

    /// Waits until all is done.
    pub fn wait(&self) -> Result<(), Error> {
        self.stream.synchronize().map_err(|error| driver_error("waiting for a step", error))
    }
}

impl From<Absent> for Error {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent)
    }
}
