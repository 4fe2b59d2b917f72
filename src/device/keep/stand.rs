//! Which generation stands: the newest whose record, chunks, checksums and result are right.

use super::super::Start;
use super::chunks::Chunks;
use super::codec::{Onto, patch};
use super::error::{Ignored, KeepError};
use super::failure::Refused;
use super::record::Record;
use super::store::Fault;
use super::{Keep, place};
use crate::recipe::Fingerprint;
use embedded_storage::nor_flash::NorFlash;

/// What a look at both generations found.
pub(super) struct Standing {
    /// The generation that stands for this start.
    pub whole: Option<u32>,
    /// That of the newest record, of whatever start and with whatever chunks; 0 where there is none.
    pub newest: u32,
}

/// The records that can be read, the newer first, and whether there are others.
type Records = ([Option<Record>; 2], bool);

impl<F: NorFlash, const B: usize> Keep<F, B> {
    /// Reads a record, into the item.
    pub(super) fn record(&mut self, last: u16) -> Result<Option<Record>, Fault<F::Error>> {
        match self.store.get(last)? {
            None => Ok(None),
            Some(len) => match Record::read(self.store.bytes(len)) {
                Some((record, _)) if place(record.generation).1 == last => Ok(Some(record)),
                _ => Err(Fault::Damaged),
            },
        }
    }

    /// Reads both records.
    pub(super) fn records(&mut self) -> Result<Records, KeepError<F::Error>> {
        let (mut records, mut damaged) = ([None; 2], false);
        for (parity, place_of) in (0..).zip(&mut records) {
            match self.record(place(parity).1) {
                Ok(record) => *place_of = record,
                Err(Fault::Damaged) => damaged = true,
                Err(Fault::Flash(error)) => return Err(KeepError::Flash(error)),
            }
        }
        records.sort_unstable_by_key(|record| {
            core::cmp::Reverse(record.map_or(0, |record| record.generation))
        });
        Ok((records, damaged))
    }

    /// Looks which generation a load would take for this start, whatever numbers are beside the weights.
    pub(super) fn standing<T: Start + ?Sized>(
        &mut self,
        start: &T,
        print: Fingerprint,
    ) -> Result<Standing, KeepError<F::Error>> {
        let ([first, second], _) = self.records()?;
        let newest = first.map_or(0, |record| record.generation);
        for record in [first, second].into_iter().flatten() {
            match self.unpack(&record, print, Onto::Nothing(&start)) {
                Ok(()) => return Ok(Standing { whole: Some(record.generation), newest }),
                Err(Refused::Ignored(_)) => {}
                Err(Refused::Flash(error)) => return Err(KeepError::Flash(error)),
            }
        }
        Ok(Standing { whole: None, newest })
    }

    /// Turns the ring of pages once and erases each page that a generation can do without, at the time when
    /// the store would move what lies in it: another program's items, longer ones than ours, chunks of
    /// numbers that no generation has any more. `spare` is the number of an item that may go.
    pub(super) fn shed<T: Start + ?Sized>(
        &mut self,
        generation: u32,
        (start, print): (&T, Fingerprint),
        spare: u16,
    ) -> Result<(), KeepError<F::Error>> {
        for _ in 0..self.store.count() {
            let page = match self.store.turn() {
                Ok(Some(page)) => page,
                Err(Fault::Flash(error)) => return Err(KeepError::Flash(error)),
                Ok(None) | Err(Fault::Damaged) => return Ok(()),
            };
            self.store.hide(Some(page));
            let without = self.standing(start, print);
            self.store.hide(None);
            let done = match without?.whole == Some(generation) {
                true => self.store.erase_page(page),
                // the store moves it first
                false => self.store.put(spare, &[]),
            };
            match done {
                Ok(()) => {}
                Err(Fault::Flash(error)) => return Err(KeepError::Flash(error)),
                Err(Fault::Damaged) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Makes of a start what the delta of a record says, by whoever has room for it.
    fn unpack(
        &mut self,
        record: &Record,
        print: Fingerprint,
        onto: Onto<'_>,
    ) -> Result<(), Refused<F::Error>> {
        if record.start != print {
            let (need, got) = (record.start.0, print.0);
            return Err(Refused::Ignored(Ignored::OtherStart { need, got }));
        }
        let (first, _) = place(record.generation);
        let mut chunks = Chunks::new(&mut self.store, first..first.saturating_add(record.chunks));
        let unpacked = patch(&mut chunks, self.recipe, (print, record.result), onto);
        match chunks.fault() {
            Some(fault) => Err(fault.into()),
            None => unpacked.map_err(Refused::Ignored),
        }
    }

    /// Makes of the start what a record says.
    pub(super) fn apply(
        &mut self,
        record: &Record,
        print: Fingerprint,
        weights: &mut [f32],
        numbers: &mut [f32],
    ) -> Result<(), Refused<F::Error>> {
        let (need, got) = (usize::from(record.numbers), numbers.len());
        if record.start == print && need != got {
            return Err(Refused::Ignored(Ignored::OtherNumbers { need, got }));
        }
        self.unpack(record, print, Onto::Weights(weights))?;
        // the numbers lie behind all that was read since
        let len = self.store.get(place(record.generation).1)?.unwrap_or(0);
        let (_, bytes) =
            Record::read(self.store.bytes(len)).ok_or(Refused::Ignored(Ignored::Damaged))?;
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *number = f32::from_bits(u32::from_le_bytes(*bytes));
        }
        Ok(())
    }
}
