//! Captures and graphs.

use std::ffi::c_int;

use super::{Handle, exported, give};
use crate::counters::{Counter, count};
use crate::device::stream::{Operation, stream_of};
use crate::device::{alive, lock};
use crate::error::Error;

exported! {
    fn cuStreamBeginCapture_v2(stream: Handle, mode: c_int) {
        alive()?.begin_capture(stream_of(stream), mode)
    }

    fn cuStreamEndCapture(stream: Handle, graph: *mut Handle) {
        let made = lock().end_capture(stream_of(stream))?;
        // SAFETY: the program's own pointer
        unsafe { give(graph, made as Handle) }
    }

    fn cuStreamIsCapturing(stream: Handle, status: *mut c_int) {
        let found = lock().capture_status(stream_of(stream));
        // SAFETY: the program's own pointer
        unsafe { give(status, found) }
    }

    fn cuGraphInstantiateWithFlags(executable: *mut Handle, graph: Handle, _flags: u64) {
        let mut machine = alive()?;
        let operations = machine.graphs.get(&(graph as usize)).ok_or(Error::InvalidHandle)?.clone();
        let made = machine.handle();
        machine.graphs.insert(made, operations);
        // SAFETY: the program's own pointer
        unsafe { give(executable, made as Handle) }
    }

    fn cuGraphUpload(executable: Handle, _stream: Handle) {
        alive()?.graphs.get(&(executable as usize)).map(|_| ()).ok_or(Error::InvalidHandle)
    }

    fn cuGraphLaunch(executable: Handle, stream: Handle) {
        let mut machine = alive()?;
        let operations = machine.graphs.get(&(executable as usize)).ok_or(Error::InvalidHandle)?.clone();
        count(Counter::GraphLaunches, 1);
        machine.push(stream_of(stream), Operation::Graph(operations))?;
        machine.check()
    }

    fn cuGraphExecDestroy(executable: Handle) {
        lock().graphs.remove(&(executable as usize)).map(|_| ()).ok_or(Error::InvalidHandle)
    }

    fn cuGraphDestroy(graph: Handle) {
        lock().graphs.remove(&(graph as usize)).map(|_| ()).ok_or(Error::InvalidHandle)
    }
}
