//! Streams and events.

use std::ffi::{c_int, c_uint, c_void};

use super::{Handle, exported, give};
use crate::counters::{Counter, count};
use crate::device::stream::{Operation, stream_of, synchronise};
use crate::device::{alive, lock};
use crate::error::Error;

exported! {
    fn cuStreamCreate(stream: *mut Handle, flags: c_uint) {
        let made = alive()?.new_stream(flags);
        // SAFETY: the program's own pointer
        unsafe { give(stream, made as Handle) }
    }

    fn cuStreamCreateWithPriority(stream: *mut Handle, flags: c_uint, _priority: c_int) {
        let made = alive()?.new_stream(flags);
        // SAFETY: the program's own pointer
        unsafe { give(stream, made as Handle) }
    }

    fn cuStreamDestroy_v2(stream: Handle) {
        let mut machine = lock();
        machine.drain(stream as usize);
        machine.streams.remove(&(stream as usize)).map(|_| ()).ok_or(Error::InvalidHandle)
    }

    fn cuStreamSynchronize(stream: Handle) {
        alive()?.refuse_wait(stream_of(stream))?;
        synchronise(stream_of(stream))
    }

    fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: c_uint) {
        alive()?.wait_event(stream_of(stream), event as usize)
    }

    fn cuLaunchHostFunc(
        stream: Handle,
        function: unsafe extern "C" fn(*mut c_void),
        data: *mut c_void,
    ) {
        alive()?.push(stream_of(stream), Operation::Host(function, data as usize))
    }

    fn cuEventCreate(event: *mut Handle, flags: c_uint) {
        let made = alive()?.new_event(flags);
        // SAFETY: the program's own pointer
        unsafe { give(event, made as Handle) }
    }

    fn cuEventDestroy_v2(event: Handle) {
        lock().events.remove(&(event as usize)).map(|_| ()).ok_or(Error::InvalidHandle)
    }

    fn cuEventRecord(event: Handle, stream: Handle) {
        alive()?.record(event as usize, stream_of(stream))
    }

    fn cuEventSynchronize(event: Handle) {
        let mut machine = alive()?;
        machine.refuse_unsafe()?;
        count(Counter::Waits, 1);
        machine.reach(event as usize);
        machine.check()
    }

    fn cuEventQuery(event: Handle) {
        if alive()?.is_pending(event as usize)? { Err(Error::NotReady) } else { Ok(()) }
    }

    fn cuEventElapsedTime_v2(milliseconds: *mut f32, from: Handle, to: Handle) {
        let gone = alive()?.elapsed(from as usize, to as usize)?;
        // SAFETY: the program's own pointer
        unsafe { give(milliseconds, gone) }
    }
}
