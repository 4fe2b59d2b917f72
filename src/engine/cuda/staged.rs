//! What differs from one step to the next, as it is sent to the device: settings, what the outputs should be,
//! and inputs, one behind the other, so that one copy takes them all.
//!
//! A recorded step reads fixed addresses, and there are two slots: so there is one recording for each slot, not
//! a copy from slots to one place at the head of each step, which would cost every step the reading and the
//! writing of its batch to save some kilobytes of recordings.

use super::memory::{Memory, SETTINGS};
use crate::gpu::{Error, Numbers, Queue, Recorded, Staging};
use crate::loss::Target;
use crate::plan::Net;
use crate::shape::Span;

/// A part begins at a multiple of so many numbers, as memory of a device does: 256 bytes.
const LINE: u32 = 64;

/// Slots for batches, and what lies where in each.
pub(super) struct Staged {
    staging: Staging,
    settings: Span,
    wanted: [Span; 3],
    input: Span,
}

impl Staged {
    pub fn take(net: &Net<'_>, queue: &mut Queue) -> Result<Self, Error> {
        let rows = net.rows(net.batch);
        let terms = net.loss.terms(rows, net.output.channels as usize);
        let mut end = 0u32;
        let mut part = |len: usize| {
            let span = Span { start: end, len: len as u32 };
            end = (end + span.len).next_multiple_of(LINE);
            span
        };
        let settings = part(SETTINGS);
        let wanted = [part(terms.max(rows)), part(rows), part(rows)];
        // last, as the last batch of an epoch may have fewer
        let input = part(net.batch * net.input.len());
        Ok(Self { staging: queue.staging(input.end())?, settings, wanted, input })
    }

    /// The slot of the next batch.
    pub const fn slot(&self) -> usize {
        self.staging.next()
    }

    /// Lets a step read the slot of the next batch.
    pub const fn aim(&self, memory: &mut Memory) {
        let place: Numbers = self.staging.place(self.staging.next());
        memory.settings = place.of(self.settings);
        memory.wanted =
            [place.of(self.wanted[0]), place.of(self.wanted[1]), place.of(self.wanted[2])];
        memory.input = place.of(self.input);
    }

    /// Sends a batch, its target and the settings of its step.
    pub fn send(
        &mut self,
        queue: &Queue,
        settings: &[f32],
        (x, target): (&[f32], Target<'_>),
    ) -> Result<(), Error> {
        let Self { staging, settings: place, wanted, input } = self;
        queue.send(staging, |slot| {
            reals(place.of_mut(slot), settings);
            let [first, second, third] = wanted;
            match target {
                Target::Labels(labels) => whole(first.of_mut(slot), labels),
                Target::Values(values) => reals(first.of_mut(slot), values),
                Target::Mixed { first: one, second: other, share } => {
                    whole(first.of_mut(slot), one);
                    whole(second.of_mut(slot), other);
                    reals(third.of_mut(slot), share);
                }
            }
            reals(input.of_mut(slot), x);
            input.start as usize + x.len()
        })
    }

    /// Asks for the step that reads what was sent.
    pub fn replay(&mut self, queue: &Queue, step: &Recorded) -> Result<(), Error> {
        queue.replay_staged(&mut self.staging, step)
    }
}

fn reals(to: &mut [u32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_bits());
}

fn whole(to: &mut [u32], from: &[u32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
