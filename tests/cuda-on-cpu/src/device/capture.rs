//! Captures: what is sent to a stream becomes a graph, and what cannot be in one is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use super::Machine;
use super::stream::Operation;
use crate::error::{Error, Result};

/// How much a capture forbids others: CUstreamCaptureMode.
const GLOBAL: i32 = 0;
const THREAD_LOCAL: i32 = 1;

pub struct Capture {
    id: u64,
    mode: i32,
    thread: ThreadId,
    origin: usize,
    /// The streams that take part: how many operations each has sent, and how many of them are joined.
    streams: HashMap<usize, (usize, usize)>,
    operations: Vec<Operation>,
    pub broken: bool,
}

impl Capture {
    pub fn mark(&self, stream: usize) -> (u64, usize, usize) {
        (self.id, stream, self.streams.get(&stream).map_or(0, |(sent, _)| *sent))
    }
}

impl Machine {
    pub fn capture_of(&mut self, stream: usize) -> Option<&mut Capture> {
        self.captures.iter_mut().find(|capture| capture.streams.contains_key(&stream))
    }

    pub fn begin_capture(&mut self, stream: usize, mode: i32) -> Result {
        if !self.streams.contains_key(&stream) || stream < 0x1000 {
            return Err(Error::CaptureUnsupported); // the default stream
        }
        if self.capture_of(stream).is_some() {
            return Err(Error::InvalidValue);
        }
        let id = self.ticket();
        self.captures.push(Capture {
            id,
            mode,
            thread: thread::current().id(),
            origin: stream,
            streams: HashMap::from([(stream, (0, 0))]),
            operations: vec![],
            broken: false,
        });
        Ok(())
    }

    pub fn end_capture(&mut self, stream: usize) -> Result<usize> {
        let place = self.captures.iter().position(|it| it.streams.contains_key(&stream));
        let place = place.ok_or(Error::InvalidValue)?;
        let capture = &self.captures[place];
        if capture.origin != stream {
            return Err(Error::CaptureUnmatched);
        }
        if capture.mode <= THREAD_LOCAL && capture.thread != thread::current().id() {
            return Err(Error::CaptureWrongThread);
        }
        let capture = self.captures.swap_remove(place);
        if capture.broken {
            return Err(Error::CaptureInvalidated);
        }
        let unjoined = |(name, (sent, joined)): (&usize, &(usize, usize))| {
            *name != capture.origin && joined < sent
        };
        if capture.streams.iter().any(unjoined) {
            return Err(Error::CaptureUnjoined);
        }
        let graph = self.handle();
        self.graphs.insert(graph, Arc::new(capture.operations));
        Ok(graph)
    }

    /// CUstreamCaptureStatus: none, active, invalidated.
    pub fn capture_status(&mut self, stream: usize) -> i32 {
        self.capture_of(stream).map_or(0, |capture| 1 + i32::from(capture.broken))
    }

    /// Takes the operation where its stream is captured.
    pub fn captured(&mut self, stream: usize, operation: &Operation) -> Option<Result> {
        let capture = self.capture_of(stream)?;
        if capture.broken {
            return Some(Err(Error::CaptureInvalidated));
        }
        if matches!(operation, Operation::Free(_)) {
            capture.broken = true;
            return Some(Err(Error::CaptureUnsupported));
        }
        if let Some((sent, _)) = capture.streams.get_mut(&stream) {
            *sent += 1;
        }
        capture.operations.push(operation.clone());
        Some(Ok(()))
    }

    /// A stream waits for an event of a capture: it takes part from now on, and what it waits for is joined.
    pub fn join(&mut self, stream: usize, id: u64, from: usize, amount: usize) -> Result {
        let elsewhere = self.capture_of(stream).is_some_and(|capture| capture.id != id);
        let capture = self.captures.iter_mut().find(|capture| capture.id == id);
        let Some(capture) = capture.filter(|_| !elsewhere) else {
            return Err(Error::CaptureIsolation);
        };
        if from != stream {
            if let Some((_, joined)) = capture.streams.get_mut(&from) {
                *joined = amount.max(*joined);
            }
            let (sent, _) = capture.streams.entry(stream).or_default();
            // What it took over must itself be joined.
            *sent += usize::from(stream != capture.origin && amount > 0);
        }
        Ok(())
    }

    /// Refuses what would wait for a stream that is captured.
    pub fn refuse_wait(&mut self, stream: usize) -> Result {
        match self.capture_of(stream) {
            None => Ok(()),
            Some(capture) => {
                capture.broken = true;
                Err(Error::CaptureUnsupported)
            }
        }
    }

    /// Refuses what would wait for the device, as far as the mode of each capture says.
    pub fn refuse_unsafe(&mut self) -> Result {
        let me = thread::current().id();
        for capture in &mut self.captures {
            let here = capture.thread == me;
            if capture.mode == GLOBAL || (capture.mode == THREAD_LOCAL && here) {
                capture.broken = true;
                return Err(Error::CaptureUnsupported);
            }
        }
        Ok(())
    }

    /// Refuses work in the default stream, for which a captured stream would have to wait.
    pub fn refuse_implicit(&mut self) -> Result {
        for capture in &mut self.captures {
            if self.streams.get(&capture.origin).is_some_and(|stream| !stream.independent) {
                capture.broken = true;
                return Err(Error::CaptureImplicit);
            }
        }
        Ok(())
    }
}
