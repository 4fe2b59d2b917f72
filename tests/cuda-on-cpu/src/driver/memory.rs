//! Memory of the device and page-locked memory of the host: taken, filled, copied, freed.

use std::ffi::{c_uint, c_void};
use std::ptr;

use super::{Address, Handle, exported, give};
use crate::counters::{Counter, count};
use crate::device::memory::Owner;
use crate::device::stream::{Operation, stream_of};
use crate::device::{Machine, alive, current_device, lock};
use crate::error::Result;

/// A copy that the host waits for.
fn copy_now(
    machine: &mut Machine,
    to: usize,
    from: usize,
    bytes: usize,
    counted: Counter,
) -> Result {
    machine.refuse_unsafe()?;
    count(Counter::Waits, 1);
    machine.drain_blocking();
    machine.check()?;
    count(counted, bytes);
    // SAFETY: the device's range was checked; the host's is the program's promise
    unsafe { ptr::copy(from as *const u8, to as *mut u8, bytes) };
    Ok(())
}

exported! {
    fn cuMemAlloc_v2(address: *mut Address, bytes: usize) {
        let mut machine = alive()?;
        machine.refuse_unsafe()?;
        let start = machine.memory.allocate(bytes, Owner::Device(current_device()))?;
        // SAFETY: the program's own pointer
        unsafe { give(address, start as Address) }
    }

    fn cuMemAllocAsync(address: *mut Address, bytes: usize, stream: Handle) {
        let mut machine = alive()?;
        machine.refuse_wait(stream_of(stream))?;
        let start = machine.memory.allocate(bytes, Owner::Device(current_device()))?;
        // SAFETY: the program's own pointer
        unsafe { give(address, start as Address) }
    }

    fn cuMemFree_v2(address: Address) {
        let mut machine = lock();
        machine.refuse_unsafe()?;
        machine.drain_all();
        machine.memory.free(address as usize)
    }

    fn cuMemFreeAsync(address: Address, stream: Handle) {
        let mut machine = lock();
        machine.memory.check("free", address as usize, 1)?;
        machine.push(stream_of(stream), Operation::Free(address as usize))
    }

    fn cuMemHostAlloc(address: *mut Handle, bytes: usize, _flags: c_uint) {
        let start = alive()?.memory.allocate(bytes, Owner::Host)?;
        // SAFETY: the program's own pointer
        unsafe { give(address, start as Handle) }
    }

    fn cuMemFreeHost(address: Handle) {
        let mut machine = lock();
        machine.drain_all();
        machine.memory.free(address as usize)
    }

    fn cuMemcpyHtoD_v2(to: Address, from: *const c_void, bytes: usize) {
        let mut machine = alive()?;
        machine.memory.check("copy to the device", to as usize, bytes)?;
        copy_now(&mut machine, to as usize, from as usize, bytes, Counter::BytesToDevice)
    }

    fn cuMemcpyDtoH_v2(to: *mut c_void, from: Address, bytes: usize) {
        let mut machine = alive()?;
        machine.memory.check("copy from the device", from as usize, bytes)?;
        copy_now(&mut machine, to as usize, from as usize, bytes, Counter::BytesToHost)
    }

    fn cuMemcpyDtoD_v2(to: Address, from: Address, bytes: usize) {
        let mut machine = alive()?;
        machine.memory.check("copy to", to as usize, bytes)?;
        machine.memory.check("copy from", from as usize, bytes)?;
        copy_now(&mut machine, to as usize, from as usize, bytes, Counter::BytesOnDevice)
    }

    /// From page-locked memory the copy is done when its turn comes; from other memory the bytes are taken now.
    fn cuMemcpyHtoDAsync_v2(to: Address, from: *const c_void, bytes: usize, stream: Handle) {
        let (mut machine, stream, to) = (alive()?, stream_of(stream), to as usize);
        if bytes == 0 {
            return Ok(());
        }
        machine.memory.check("copy to the device", to, bytes)?;
        if machine.memory.is_pinned(from as usize) {
            let counted = Counter::BytesToDevice;
            count(Counter::PinnedBytes, bytes);
            return machine.push(stream, Operation::Copy { to, from: from as usize, bytes, counted });
        }
        machine.refuse_wait(stream)?;
        // SAFETY: the program's promise
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), bytes) }.into();
        machine.push(stream, Operation::Staged { to, bytes })
    }

    /// Into page-locked memory the copy is done when its turn comes; into other memory the host waits for it.
    fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: Address, bytes: usize, stream: Handle) {
        let (mut machine, stream) = (alive()?, stream_of(stream));
        if bytes == 0 {
            return Ok(());
        }
        machine.memory.check("copy from the device", from as usize, bytes)?;
        let (to, from, counted) = (to as usize, from as usize, Counter::BytesToHost);
        if machine.memory.is_pinned(to) {
            return machine.push(stream, Operation::Copy { to, from, bytes, counted });
        }
        machine.refuse_wait(stream)?;
        machine.push(stream, Operation::Copy { to, from, bytes, counted })?;
        count(Counter::Waits, 1);
        machine.drain(stream);
        machine.check()
    }

    fn cuMemcpyDtoDAsync_v2(to: Address, from: Address, bytes: usize, stream: Handle) {
        let mut machine = alive()?;
        if bytes == 0 {
            return Ok(());
        }
        machine.memory.check("copy to", to as usize, bytes)?;
        machine.memory.check("copy from", from as usize, bytes)?;
        let (to, from, counted) = (to as usize, from as usize, Counter::BytesOnDevice);
        machine.push(stream_of(stream), Operation::Copy { to, from, bytes, counted })
    }

    fn cuMemsetD8Async(to: Address, byte: u8, bytes: usize, stream: Handle) {
        let mut machine = alive()?;
        if bytes == 0 {
            return Ok(());
        }
        machine.memory.check("fill", to as usize, bytes)?;
        machine.push(stream_of(stream), Operation::Fill { to: to as usize, byte, bytes })
    }
}
