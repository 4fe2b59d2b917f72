//! Steps that were submitted and are not waited for: what came of each is noted on the device, and read later.
//!
//! Behind a step that is refused, weights, state and running statistics stand still until the host has read of
//! it: the device halts, which makes the loss of every later step NaN. On the host, all is then as if that step
//! and those behind it had never been submitted: [`Engine::steps`](super::Engine::steps), and with it the
//! corrections of Adam and the lots that layers draw.

use super::memory::SETTINGS;
use super::{Cuda, CudaError, Error};
use crate::gpu::{self, Argument, Grid, Numbers, Queue};
use crate::layer::TAME;
use crate::update::{OnGpu, Update};
use std::collections::VecDeque;

/// The most steps that are not waited for.
const MOST: usize = 64;

/// Numbers of a note: the loss, the verdict, and the place of the last gradient that is too large.
const NOTE: usize = 3;

/// Steps that were submitted.
pub(super) struct Ahead {
    /// What came of each, on the device.
    notes: Numbers,
    /// Whether steps are refused, whatever they come to, on the device.
    pub halted: Numbers,
    /// How many notes are not read yet.
    pending: usize,
    /// The losses of the steps that were taken, where nobody has asked for them yet.
    losses: VecDeque<f32>,
    /// Why the step behind these was not.
    refused: Option<CudaError>,
}

impl Ahead {
    pub fn take(queue: &mut Queue) -> Result<Self, gpu::Error> {
        let (notes, halted) = (queue.take(NOTE * MOST)?, queue.take(1)?);
        Ok(Self { notes, halted, pending: 0, losses: VecDeque::new(), refused: None })
    }

    /// The place of the next note, as a setting.
    pub fn place(&self) -> f32 {
        f32::from_bits(self.pending as u32)
    }
}

impl<U: Update<Move: OnGpu>> Cuda<'_, U> {
    /// Makes room for one more step; whether it may be taken.
    pub(super) fn may_submit(&mut self) -> Result<bool, CudaError> {
        if self.ahead.pending == MOST {
            self.settle()?;
        }
        Ok(self.ahead.refused.is_none())
    }

    /// Counts a step that was submitted.
    pub(super) const fn submitted(&mut self) {
        self.ahead.pending += 1;
        self.steps += 1;
    }

    /// Has what came of a step noted, as its last work.
    pub(super) fn note(&self) -> Result<(), gpu::Error> {
        let (gradient, results) = (self.memory.gradient, self.memory.results);
        let all: [Argument; 7] = [
            self.ahead.notes.first(NOTE).into(),
            self.ahead.halted.into(),
            results.into(),
            // which is only read where the step is refused, and counts as not read
            gradient.first(0).into(),
            self.memory.settings.after(SETTINGS - 1).into(),
            TAME.into(),
            gradient.len().into(),
        ];
        self.queue.launch("note_step", Grid::blocks(1), all)
    }

    /// Waits for all steps that were submitted, and reads what came of them.
    pub(super) fn settle(&mut self) -> Result<(), CudaError> {
        let pending = self.ahead.pending;
        if pending == 0 {
            return Ok(());
        }
        let mut notes = [0.0; NOTE * MOST];
        self.queue.read(self.ahead.notes.first(NOTE * pending), &mut notes)?;
        self.ahead.pending = 0;
        let (notes, _) = notes.as_chunks::<NOTE>();
        let notes = notes.get(..pending).unwrap_or_default();
        let taken = notes.iter().take_while(|[_, verdict, _]| *verdict == 1.0).count();
        self.ahead.losses.extend(notes.iter().take(taken).map(|[loss, ..]| loss));
        self.steps -= (pending - taken) as u64;
        if let Some([loss, verdict, place]) = notes.get(taken) {
            self.ahead.refused = Some(match *verdict {
                0.0 => self.refuse_uneven().err().unwrap_or_else(|| Error::Loss(*loss).into()),
                _ => Error::Diverged { node: self.layer_of(place.to_bits() as usize) }.into(),
            });
            self.queue.clear(self.ahead.halted)?;
        }
        Ok(())
    }

    /// The layer of a gradient.
    fn layer_of(&self, place: usize) -> usize {
        let layer = self.net.slots.iter().position(|slot| slot.moved.range().contains(&place));
        layer.unwrap_or(0)
    }

    /// Settles, and fails where a step was refused that nobody has heard of.
    pub(super) fn settle_well(&mut self) -> Result<(), CudaError> {
        self.settle()?;
        self.ahead.refused.take().map_or(Ok(()), Err)
    }

    /// The loss of the step that was submitted last, for who has waited for it.
    pub(super) fn last_loss(&mut self) -> f32 {
        self.ahead.losses.pop_back().unwrap_or(f32::NAN)
    }

    /// Tells all losses that nobody has heard of.
    pub(super) fn tell(&mut self, each: impl FnMut(f32)) -> Result<(), CudaError> {
        let settled = self.settle_well();
        self.ahead.losses.drain(..).for_each(each);
        settled
    }

    /// Waits for all steps that were submitted, and forgets them.
    pub(super) fn forget(&mut self) -> Result<(), CudaError> {
        self.settle()?;
        self.ahead.losses.clear();
        self.ahead.refused = None;
        Ok(())
    }
}
