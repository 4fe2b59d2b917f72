//! Batches on their way to the device: written to memory of the host that is never paged out, and copied from
//! there by a second stream while the first computes.
//!
//! There are two slots, each with a place on the host and one on the device, and they are used in turn: a step
//! reads one while the other is filled for the next. Two events of each slot order this. The copy to a slot
//! waits until the step that read it last is done, a step waits for the copy to its slot, and the host writes
//! to a slot again when the copy from there is done: it waits for the device only where it is two copies ahead.

use super::{Error, Numbers, Queue, Recorded, queue};
use cudarc::driver::{CudaContext, CudaEvent, CudaStream, result};
use std::sync::Arc;
use std::vec::Vec;

/// How many slots there are.
pub(crate) const SLOTS: usize = 2;

/// The slots, and the stream that fills them.
pub(crate) struct Staging {
    places: [Numbers; SLOTS],
    turn: usize,
    /// None where there is no device.
    copies: Option<Copies>,
}

struct Copies {
    slots: Vec<Slot>,
    stream: Arc<CudaStream>,
}

struct Slot {
    host: Pinned,
    /// The copy to the device is done.
    copied: CudaEvent,
    /// The step that reads what was copied is done.
    read: CudaEvent,
}

impl Drop for Copies {
    fn drop(&mut self) {
        // nothing may be freed that is still copied; a device that is lost copies nothing
        let _ = self.stream.synchronize();
    }
}

/// Numbers of 32 bits in memory of the host that is never paged out.
struct Pinned {
    numbers: *mut u32,
    len: usize,
    context: Arc<CudaContext>,
}

impl Pinned {
    /// So many numbers, all of them 0.
    fn take(context: &Arc<CudaContext>, len: usize) -> Result<Self, Error> {
        let failed = |error| queue::driver_error("taking page-locked memory of the host", error);
        context.bind_to_thread().map_err(failed)?;
        // SAFETY: it is not empty, and is written below before anybody reads it.
        let numbers = unsafe { result::malloc_host(4 * len.max(1), 0) }.map_err(failed)?.cast();
        // SAFETY: the memory is as long as that, and aligned to a page.
        unsafe { core::ptr::write_bytes::<u32>(numbers, 0, len) };
        Ok(Self { numbers, len, context: Arc::clone(context) })
    }

    fn get(&self) -> &[u32] {
        // SAFETY: the memory is this value's own until it is dropped, as long as said, and was written whole.
        unsafe { core::slice::from_raw_parts(self.numbers, self.len) }
    }

    fn get_mut(&mut self) -> &mut [u32] {
        // SAFETY: as above, and nobody else has it: the caller has waited for the copy from here.
        unsafe { core::slice::from_raw_parts_mut(self.numbers, self.len) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = self.context.bind_to_thread();
        // SAFETY: it was taken from there, is given back once, and `Copies` has waited for its stream.
        let _ = unsafe { result::free_host(self.numbers.cast()) };
    }
}

impl Staging {
    /// Where the numbers of a slot lie on the device.
    pub const fn place(&self, slot: usize) -> Numbers {
        self.places[slot % SLOTS]
    }

    /// The slot that is filled next.
    pub const fn next(&self) -> usize {
        self.turn
    }
}

impl Queue {
    /// Slots of `len` numbers.
    pub fn staging(&mut self, len: usize) -> Result<Staging, Error> {
        let places = [self.take(len)?, self.take(len)?];
        let Some(device) = self.device() else {
            return Ok(Staging { places, turn: 0, copies: None });
        };
        let failed = |error| queue::driver_error("opening a stream for copies", error);
        // places are filled with 0 by the stream of work, and by no other before that is done
        self.wait()?;
        let context = device.stream.context();
        let slot = |_| {
            let (copied, read) = (context.new_event(None), context.new_event(None));
            let (copied, read) = (copied.map_err(failed)?, read.map_err(failed)?);
            Ok(Slot { host: Pinned::take(context, len)?, copied, read })
        };
        let slots = (0..SLOTS).map(slot).collect::<Result<_, Error>>()?;
        let copies = Some(Copies { slots, stream: context.new_stream().map_err(failed)? });
        Ok(Staging { places, turn: 0, copies })
    }

    /// Fills the next slot by `write`, which returns how many numbers it has written, and sends them.
    pub fn send(
        &self,
        staging: &mut Staging,
        write: impl FnOnce(&mut [u32]) -> usize,
    ) -> Result<(), Error> {
        let turn = staging.turn;
        let place = staging.place(turn);
        let Some(Copies { slots, stream }) = &mut staging.copies else { return Ok(()) };
        let Some(slot) = slots.get_mut(turn) else { return Ok(()) };
        let failed = |error| queue::driver_error("a copy to the GPU", error);
        if !slot.copied.try_is_complete().map_err(failed)? {
            slot.copied.synchronize().map_err(failed)?;
        }
        let count = write(slot.host.get_mut()).min(place.len());
        stream.wait(&slot.read).map_err(failed)?;
        let from = slot.host.get().get(..count).unwrap_or_default();
        // SAFETY: the slot's place on the device is as long as that on the host, both are kept until the
        // stream is done, and nobody writes to the latter before `copied`.
        unsafe { result::memcpy_htod_async(place.address(), from, stream.cu_stream()) }
            .map_err(failed)?;
        slot.copied.record(stream).map_err(failed)
    }

    /// Asks for a recorded step that reads the slot that was sent last, and turns to the other.
    pub fn replay_staged(&self, staging: &mut Staging, step: &Recorded) -> Result<(), Error> {
        let slots = staging.copies.as_ref().map(|copies| copies.slots.as_slice());
        let slot = slots.unwrap_or_default().get(staging.turn);
        let (Some(device), Some(slot)) = (self.device(), slot) else { return Ok(()) };
        let failed = |error| queue::driver_error("ordering a step behind its copy", error);
        device.stream.wait(&slot.copied).map_err(failed)?;
        self.replay(step)?;
        slot.read.record(&device.stream).map_err(failed)?;
        staging.turn = (staging.turn + 1) % SLOTS;
        Ok(())
    }
}
