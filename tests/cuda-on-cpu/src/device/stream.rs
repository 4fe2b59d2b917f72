//! Streams: queues of operations, done at once (eager) or only when something waits for them (lazy).

use std::collections::VecDeque;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use super::launch::Launch;
use super::{Machine, current_device, lock};
use crate::counters::{Counter, count};
use crate::error::{Error, Result};
use crate::settings::{Mode, settings};

pub type Work = Arc<dyn Fn(&mut Machine) -> Result + Send + Sync>;

#[derive(Clone)]
pub enum Operation {
    Kernel(Arc<Launch>),
    Copy {
        to: usize,
        from: usize,
        bytes: usize,
        counted: Counter,
    },
    /// Bytes of the host, taken when the copy was asked for.
    Staged {
        to: usize,
        bytes: Arc<[u8]>,
    },
    Fill {
        to: usize,
        byte: u8,
        bytes: usize,
    },
    Free(usize),
    Host(unsafe extern "C" fn(*mut c_void), usize),
    Record {
        event: usize,
        ticket: u64,
    },
    Wait(u64),
    Graph(Arc<Vec<Operation>>),
    Library(Work),
}

#[derive(Default)]
pub struct Stream {
    pub queue: VecDeque<Operation>,
    /// Does not wait for the default stream, nor it for this.
    pub independent: bool,
    pub device: usize,
}

/// The default stream has its device's number.
pub fn stream_of(handle: *mut c_void) -> usize {
    if (handle as usize) <= 2 { current_device() } else { handle as usize }
}

fn is_default(stream: usize) -> bool {
    stream < 0x1000
}

impl Machine {
    pub fn new_stream(&mut self, flags: u32) -> usize {
        let stream = self.handle();
        let independent = flags & 1 != 0;
        let device = current_device();
        self.streams.insert(stream, Stream { queue: VecDeque::new(), independent, device });
        stream
    }

    /// Queues an operation, or captures it.
    pub fn push(&mut self, stream: usize, operation: Operation) -> Result {
        if let Some(result) = self.captured(stream, &operation) {
            return result;
        }
        if is_default(stream) {
            self.streams.entry(stream).or_default().device = stream;
            self.refuse_implicit()?;
            self.drain_blocking();
        } else if !self.streams.get(&stream).ok_or(Error::InvalidHandle)?.independent {
            let device = self.streams[&stream].device;
            self.drain(device);
        }
        self.streams.entry(stream).or_default().queue.push_back(operation);
        match settings().mode {
            Mode::Eager => self.drain(stream),
            Mode::Lazy => {}
            Mode::Hasty => self.hurry(stream),
        }
        Ok(())
    }

    pub fn drain_all(&mut self) {
        let streams: Vec<usize> = self.streams.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.drain(stream));
    }

    /// The default stream, and those that wait for it.
    pub fn drain_blocking(&mut self) {
        let blocking = self.streams.iter().filter(|(_, stream)| !stream.independent);
        let blocking: Vec<usize> = blocking.map(|(stream, _)| *stream).collect();
        blocking.into_iter().for_each(|stream| self.drain(stream));
    }

    /// Does the copies from the host that nothing holds back: nobody else's work is done for them.
    fn hurry(&mut self, stream: usize) {
        loop {
            let first = self.streams.get(&stream).and_then(|it| it.queue.front());
            let free = match first {
                Some(
                    Operation::Copy { counted: Counter::BytesToDevice, .. }
                    | Operation::Staged { .. }
                    | Operation::Record { .. },
                ) => true,
                Some(Operation::Wait(ticket)) => !self.pending.contains_key(ticket),
                _ => false,
            };
            if !free {
                return;
            }
            let first = self.streams.get_mut(&stream).and_then(|it| it.queue.pop_front());
            first.map(|operation| self.perform(&operation));
        }
    }

    pub fn drain(&mut self, stream: usize) {
        self.advance(stream, None);
    }

    /// Works a stream's queue off, up to a ticket if there is one.
    pub fn advance(&mut self, stream: usize, until: Option<u64>) {
        loop {
            let Some(operation) = self.streams.get_mut(&stream).and_then(|it| it.queue.pop_front())
            else {
                return;
            };
            let wanted =
                matches!(operation, Operation::Record { ticket, .. } if Some(ticket) == until);
            if !self.perform(&operation) {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.queue.push_front(operation);
                }
                return;
            }
            if wanted {
                return;
            }
        }
    }

    /// Does it, or says that it cannot be done yet.
    fn perform(&mut self, operation: &Operation) -> bool {
        if self.check().is_err() {
            if let Operation::Record { ticket, .. } = operation {
                self.pending.remove(ticket);
            }
            return true;
        }
        match operation {
            Operation::Kernel(launch) => self.run(launch),
            Operation::Copy { to, from, bytes, counted } => {
                count(*counted, *bytes);
                // SAFETY: both ranges were checked when it was queued, and are checked again at frees
                unsafe { ptr::copy(*from as *const u8, *to as *mut u8, *bytes) }
            }
            Operation::Staged { to, bytes } => {
                count(Counter::BytesToDevice, bytes.len());
                // SAFETY: checked when it was queued
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), *to as *mut u8, bytes.len()) }
            }
            // SAFETY: checked when it was queued
            Operation::Fill { to, byte, bytes } => unsafe {
                ptr::write_bytes(*to as *mut u8, *byte, *bytes);
            },
            Operation::Free(start) => {
                let _ = self.memory.free(*start);
            }
            // SAFETY: the program's own function, on its own data
            Operation::Host(function, data) => unsafe { function(*data as *mut c_void) },
            Operation::Record { event, ticket } => {
                self.pending.remove(ticket);
                if let Some(event) = self.events.get_mut(event)
                    && event.ticket == *ticket
                {
                    event.at = Some(Instant::now());
                }
            }
            Operation::Wait(ticket) => {
                if let Some(stream) = self.pending.get(ticket).copied() {
                    self.advance(stream, Some(*ticket));
                    return !self.pending.contains_key(ticket);
                }
            }
            Operation::Graph(operations) => {
                for operation in operations.iter() {
                    self.perform(operation);
                }
            }
            Operation::Library(work) => {
                let work = Arc::clone(work);
                if let Err(error) = work(self) {
                    self.lose(error);
                }
            }
        }
        true
    }
}

/// Waits for all work of a stream.
pub fn synchronise(stream: usize) -> Result {
    count(Counter::Waits, 1);
    let mut machine = lock();
    machine.drain(stream);
    machine.check()
}
