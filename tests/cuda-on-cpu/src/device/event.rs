//! Events: marks in streams that other streams and the host wait for.

use std::time::Instant;

use super::Machine;
use super::stream::Operation;
use crate::error::{Error, Result};

#[derive(Default)]
pub struct Event {
    /// Of its last record; 0 before the first.
    pub ticket: u64,
    pub at: Option<Instant>,
    pub untimed: bool,
    /// Recorded in a capture: which, in which stream, and how much was in the stream then.
    pub captured: Option<(u64, usize, usize)>,
}

impl Machine {
    pub fn new_event(&mut self, flags: u32) -> usize {
        let event = self.handle();
        self.events.insert(event, Event { untimed: flags & 2 != 0, ..Event::default() });
        event
    }

    pub fn event(&self, event: usize) -> Result<&Event> {
        self.events.get(&event).ok_or(Error::InvalidHandle)
    }

    pub fn record(&mut self, event: usize, stream: usize) -> Result {
        self.event(event)?;
        let mark = self.capture_of(stream).map(|capture| capture.mark(stream));
        let ticket = if mark.is_some() { 0 } else { self.ticket() };
        if let Some(event) = self.events.get_mut(&event) {
            let untimed = event.untimed;
            *event = Event { ticket, untimed, captured: mark, at: None };
        }
        if mark.is_some() {
            return Ok(());
        }
        self.pending.insert(ticket, stream);
        self.push(stream, Operation::Record { event, ticket })
    }

    pub fn wait_event(&mut self, stream: usize, event: usize) -> Result {
        let (ticket, captured) = (self.event(event)?.ticket, self.event(event)?.captured);
        if let Some((capture, from, amount)) = captured {
            return self.join(stream, capture, from, amount);
        }
        if ticket == 0 {
            return Ok(());
        }
        if let Some(capture) = self.capture_of(stream) {
            // What was recorded before the capture is no part of the graph.
            capture.broken = true;
            return Err(Error::CaptureIsolation);
        }
        self.push(stream, Operation::Wait(ticket))
    }

    pub fn is_pending(&self, event: usize) -> Result<bool> {
        Ok(self.pending.contains_key(&self.event(event)?.ticket))
    }

    /// Works off what lies before the event; whether it has been reached.
    pub fn reach(&mut self, event: usize) -> bool {
        let Some(ticket) = self.events.get(&event).map(|event| event.ticket) else { return true };
        if let Some(stream) = self.pending.get(&ticket).copied() {
            self.advance(stream, Some(ticket));
        }
        !self.pending.contains_key(&ticket)
    }

    /// Milliseconds between two events.
    pub fn elapsed(&self, from: usize, to: usize) -> Result<f32> {
        let (from, to) = (self.event(from)?, self.event(to)?);
        if from.untimed || to.untimed {
            return Err(Error::InvalidHandle);
        }
        let (Some(from), Some(to)) = (from.at, to.at) else { return Err(Error::NotReady) };
        Ok(to.saturating_duration_since(from).as_secs_f32() * 1e3)
    }
}
