//! Memory of the device, and where numbers lie in it.

use super::counts::Call;
use super::{Error, Queue, queue};
use crate::shape::Span;
use cudarc::driver::{CudaSlice, DevicePtr};
use std::vec::Vec;

/// Where numbers lie on the device: f32 or u32, or bf16. It says nothing about who owns them: the engine
/// takes its buffers once and keeps them as long as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Numbers {
    at: u64,
    len: usize,
    /// Bytes of each.
    size: u64,
}

impl Numbers {
    /// Nowhere.
    pub const EMPTY: Self = Self { at: 0, len: 0, size: 4 };

    pub const fn len(self) -> usize {
        self.len
    }

    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) const fn address(self) -> u64 {
        self.at
    }

    /// Bytes of each.
    pub(super) const fn size(self) -> u64 {
        self.size
    }

    pub(super) const fn bytes(self) -> u64 {
        self.size * self.len as u64
    }

    /// The first `len` of them.
    pub const fn first(self, len: usize) -> Self {
        Self { len: if len < self.len { len } else { self.len }, ..self }
    }

    /// Those behind the first `len`.
    pub const fn after(self, len: usize) -> Self {
        let len = if len < self.len { len } else { self.len };
        Self { at: self.at + self.size * len as u64, len: self.len - len, ..self }
    }

    /// Those that a span of a plan names; nowhere, where it is empty.
    pub const fn of(self, span: Span) -> Self {
        if span.is_empty() {
            return Self::EMPTY;
        }
        self.after(span.start as usize).first(span.len as usize)
    }
}

/// A buffer on the device.
pub(super) struct Buffer(CudaSlice<f32>);

impl Queue {
    /// Takes `count` numbers of the device's memory, all of them 0.
    pub fn take(&mut self, count: usize) -> Result<Numbers, Error> {
        self.take_sized(count, 4)
    }

    /// Takes as many numbers that flow between layers.
    pub fn take_flowing(&mut self, count: usize) -> Result<Numbers, Error> {
        self.take_sized(count, self.precision().flowing())
    }

    fn take_sized(&mut self, count: usize, size: u64) -> Result<Numbers, Error> {
        if count == 0 {
            return Ok(Numbers { size, ..Numbers::EMPTY });
        }
        let nowhere = self.nowhere(count);
        let Some(device) = self.device_mut() else {
            return Ok(Numbers { at: nowhere, len: count, size });
        };
        // a buffer is of whole words, which two numbers may share
        let (len, count) = (count, (count * size as usize).div_ceil(4));
        let taken = device.stream.alloc_zeros::<f32>(count);
        let buffer = Buffer(taken.map_err(|error| queue::memory_error(error, 4 * count))?);
        let at = {
            let (at, _) = buffer.0.device_ptr(&device.stream);
            at
        };
        device.buffers.push(buffer);
        Ok(Numbers { at, len, size })
    }

    /// The same place for numbers that flow between layers: as many, and they may need only half of it.
    pub const fn flowing(&self, numbers: Numbers) -> Numbers {
        Numbers { size: self.precision().flowing(), ..numbers }
    }

    /// Copies numbers of the host, which may be changed as soon as this returns.
    pub fn write(&self, to: Numbers, from: &[f32]) -> Result<(), Error> {
        self.upload(to, from)
    }

    /// The same for whole numbers.
    pub fn write_whole(&self, to: Numbers, from: &[u32]) -> Result<(), Error> {
        self.upload(to, from)
    }

    fn upload<T: cudarc::driver::DeviceRepr>(&self, to: Numbers, from: &[T]) -> Result<(), Error> {
        if from.len() > to.len() || size_of::<T>() as u64 != to.size {
            return Err(Error::Kernel {
                name: "write",
                why: "there is another room than for these",
            });
        }
        let Some(device) = self.device() else { return Ok(()) };
        if from.is_empty() {
            return Ok(());
        }
        // SAFETY: `to` lies in a buffer that the queue keeps, and has room for `from`. Memory that is not
        // pinned is staged by the driver before the call returns.
        let copied = unsafe {
            cudarc::driver::result::memcpy_htod_async(to.at, from, device.stream.cu_stream())
        };
        copied.map_err(|error| queue::driver_error("a copy to the GPU", error))
    }

    /// Copies numbers to the host, once all that was asked for before is done.
    pub fn read(&self, from: Numbers, to: &mut [f32]) -> Result<(), Error> {
        let to = to.get_mut(..from.len()).unwrap_or_default();
        if from.size != 4 {
            return Err(Error::Kernel { name: "read", why: "these are no f32" });
        }
        let Some(device) = self.device() else { return Ok(()) };
        if to.is_empty() {
            return self.wait();
        }
        // SAFETY: `from` lies in a buffer that the queue keeps, and is as long as `to`, which is borrowed
        // until the queue is done.
        let copied = unsafe {
            cudarc::driver::result::memcpy_dtoh_async(to, from.at, device.stream.cu_stream())
        };
        copied.map_err(|error| queue::driver_error("a copy from the GPU", error))?;
        self.wait()
    }

    /// All of them.
    pub fn read_all(&self, from: Numbers) -> Result<Vec<f32>, Error> {
        let mut to = std::vec![0.0; from.len()];
        self.read(from, &mut to)?;
        Ok(to)
    }

    /// Copies numbers within the device.
    pub fn copy(&self, to: Numbers, from: Numbers) -> Result<(), Error> {
        if to.len() != from.len() || to.size != from.size {
            return Err(Error::Kernel { name: "copy", why: "lengths differ" });
        }
        if to.is_empty() || to.at == from.at {
            return Ok(());
        }
        self.count(Call { name: "copy", flops: 0, bytes: 2 * to.bytes() });
        let Some(device) = self.device() else { return Ok(()) };
        // SAFETY: both lie in buffers that the queue keeps, and are of one length.
        let copied = unsafe {
            let stream = device.stream.cu_stream();
            cudarc::driver::result::memcpy_dtod_async(to.at, from.at, to.bytes() as usize, stream)
        };
        copied.map_err(|error| queue::driver_error("a copy within the GPU", error))
    }

    /// Fills numbers with 0, whatever they are.
    pub fn clear(&self, numbers: Numbers) -> Result<(), Error> {
        if numbers.is_empty() {
            return Ok(());
        }
        self.count(Call { name: "clear", flops: 0, bytes: numbers.bytes() });
        let Some(device) = self.device() else { return Ok(()) };
        // SAFETY: the numbers lie in a buffer that the queue keeps.
        let filled = unsafe {
            let (stream, bytes) = (device.stream.cu_stream(), numbers.bytes() as usize);
            cudarc::driver::result::memset_d8_async(numbers.at, 0, bytes, stream)
        };
        filled.map_err(|error| queue::driver_error("clearing numbers", error))
    }
}
