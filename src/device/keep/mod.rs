//! What was learnt, in NOR flash: safe from cuts of power at any time, and even wear.
//!
//! What is kept is not the weights but the [delta](crate::recipe::Delta) of the weights from their
//! [`Start`], which costs next to nothing for a layer that did not learn. It lies in a range of flash beside
//! the program's own, through the crate [sequential-storage](https://docs.rs/sequential-storage): a map from
//! numbers to items with checksums, whose pages are used in turn.
//!
//! A save cuts the delta into chunks of `B − 2` bytes and writes each as an item under the *other* of two
//! generations; the last item that it writes is a record with the fingerprints of start and result, the
//! counters, and numbers that belong to the model (how the axes of a sensor are
//! [standardised](super::sense::Standard)). Until the record is whole the previous generation stands, and
//! nothing of it is changed: the store moves it on, and erases a page when what was in it is read back. A load
//! takes the newest generation whose record, chunks, checksums and fingerprint of the result are right, by
//! windows onto the start; where there is none, weights are the start. What it did not use, it says:
//! [`Ignored`].
//!
//! Wear: pages are erased in turn, none more than once more than another. A save erases as many as its
//! items fill, those of `B` bytes and 8 more, and one in ten besides, even where the delta takes all the
//! [`room`](Keep::room). What has not changed is not written again.
//!
//! Every word is read back when it is written, and every save when it is done; a load puts right first what a
//! cut has left, which may erase a page. Where words do not hold, or there is no room, a save takes other words;
//! then it goes once through all pages and erases those without which the generation that stands can be loaded
//! all the same, such as another program's. All of the range is erased only where nothing in it can be loaded
//! for this start and recipe. What cannot be saved even so is [`KeepError::Standing`], and nothing is lost.
//!
//! It does not hold where flash loses what it held when it was read back: then the generation before stands,
//! as long as no save has begun to write over it. And the range, its pages and `B` are part of what is kept.
//! Firmware with larger items reads what smaller ones keep; with smaller items or another range it may find
//! nothing that it can read, and its load and first save then erase it. What was learnt from another start is
//! written over by the second save.
//!
//! The flash is any [`NorFlash`] of embedded-storage that blocks until it is done, with words of up to 32
//! bytes.
//!
//! No panic can be reached in what is ours. sequential-storage has checks of its own that the compiler cannot
//! prove away, so firmware with this module still links a panic handler.

mod blocking;
mod chunks;
mod codec;
mod error;
mod failure;
mod mend;
mod ram;
mod record;
mod stand;
mod store;

pub use error::{Ignored, KeepError};
pub use ram::RamFlash;

use super::Start;
use super::learn::{Counters, Learner};
use crate::layer::Uses;
use crate::recipe::{Digest, Fingerprint, Header, Kind, Recipe, Survey};
use crate::update::Update;
use chunks::{Chunks, Pieces};
use codec::{encode, survey};
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;
use failure::{Failure, Refused};
use record::Record;
use stand::Standing;
use store::{Aligned, Fault, NUMBER, Store, Unfit};

/// Where the items of a generation begin, and the last of them, which is its record.
const fn place(generation: u32) -> (u16, u16) {
    let first = (generation as u16 & 1) << 15;
    (first, first | 0x7fff)
}

/// What a save did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Saved {
    /// The generation that stands now.
    pub generation: u32,
    /// Bytes of its delta.
    pub bytes: u32,
    /// Whether it was written; it was not if nothing had changed.
    pub written: bool,
}

/// What a load found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loaded {
    /// The generation that the weights are of; none if they are the start.
    pub generation: Option<u32>,
    /// Bytes of its delta.
    pub bytes: u32,
    /// The counters that were kept with it.
    pub counters: Counters,
    /// Why the newest of what lies in flash was not used, if it was not.
    pub ignored: Option<Ignored>,
}

/// A range of flash for what was learnt, by items of `B` bytes, a multiple of the flash's word and at least 70;
/// 256, say. It holds two of them in memory.
///
/// ```
/// use idinit::device::keep::{Keep, RamFlash};
/// use idinit::device::learn::Counters;
///
/// let start = [0.0_f32; 1_000]; // or `Initial`, by a rule
/// let mut weights = start;
/// weights[998] = 0.5; // learnt
///
/// let flash = RamFlash::<4_096, 1_024>::new();
/// let mut keep = Keep::<_, 128>::new(flash, 0..4_096)?;
/// let counters = Counters { steps: 1, ..Counters::default() };
/// keep.write(&start[..], &weights, counters, &[])?;
///
/// let mut again = Keep::<_, 128>::new(keep.release(), 0..4_096)?;
/// let mut weights = [f32::NAN; 1_000];
/// let loaded = again.read(&start[..], &mut weights, &mut [])?;
/// assert_eq!((loaded.generation, loaded.counters.steps, weights[998]), (Some(1), 1, 0.5));
/// # Ok::<(), idinit::device::keep::KeepError<embedded_storage::nor_flash::NorFlashErrorKind>>(())
/// ```
pub struct Keep<F: NorFlash, const B: usize> {
    store: Store<F, B>,
    piece: Aligned<B>,
    kind: Kind,
    recipe: Option<Recipe>,
    /// The generation that stands, and a checksum of what it keeps, where it was loaded or saved whole.
    stands: Option<(u32, Fingerprint)>,
}

impl<F: NorFlash, const B: usize> core::fmt::Debug for Keep<F, B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { kind, stands, .. } = self;
        f.debug_struct("Keep").field("kind", kind).field("stands", stands).finish_non_exhaustive()
    }
}

impl<F: NorFlash, const B: usize> Keep<F, B> {
    /// Takes a range of flash, in bytes, that nothing else uses: whole pages, three at least. Nothing is read
    /// or written.
    ///
    /// # Errors
    /// Where the range is none of pages, or pages, words and items do not fit.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, KeepError<F::Error>> {
        let Range { start, end } = range;
        let (page, capacity) = (F::ERASE_SIZE, flash.capacity());
        let store = Store::new(flash, range).map_err(|unfit| match unfit {
            Unfit::Range => KeepError::Range { start, end, page, capacity },
            Unfit::Page { need, got } => KeepError::Page { need, got },
            Unfit::Word { most, got } => KeepError::Word { most, got },
            Unfit::Item { word, got } => KeepError::Item { word, got },
        })?;
        let piece = Aligned([0; B]);
        Ok(Self { store, piece, kind: Kind::Exact, recipe: None, stands: None })
    }

    /// What is kept of the differences from now on: by default [`Kind::Exact`], so that a load gives the bits
    /// that were saved.
    #[must_use]
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Names the start in what is kept. What was kept under another recipe is then ignored.
    #[must_use]
    pub fn with_recipe(self, recipe: Recipe) -> Self {
        // what stands may have another
        Self { recipe: Some(recipe), stands: None, ..self }
    }

    /// The most bytes that a delta may have: two generations and their records have room together.
    pub fn room(&self) -> usize {
        let chunks = (self.store.most() / 2).saturating_sub(1).min(0x7fff);
        chunks * B.saturating_sub(NUMBER)
    }

    /// The most numbers beside the weights.
    const fn most_numbers() -> usize {
        B.saturating_sub(NUMBER + record::BARE) / 4
    }

    /// Keeps what a learner has learnt, and `numbers` with it.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn save<S: Uses, U: Update, T: Start, const CLASSES: usize>(
        &mut self,
        learner: &Learner<'_, S, U, T, CLASSES>,
        numbers: &[f32],
    ) -> Result<Saved, KeepError<F::Error>> {
        let counters = learner.metrics().counters;
        self.write(learner.start(), learner.weights(), counters, numbers)
    }

    /// Sets a learner to what was kept last, and `numbers` to those that were kept with it. Where nothing
    /// is, the learner is at its start and `numbers` are as they were.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn load<S: Uses, U: Update, T: Start, const CLASSES: usize>(
        &mut self,
        learner: &mut Learner<'_, S, U, T, CLASSES>,
        numbers: &mut [f32],
    ) -> Result<Loaded, KeepError<F::Error>> {
        let (start, weights) = learner.replace();
        let loaded = self.read(start, weights, numbers);
        learner.resume(loaded.as_ref().map_or(Counters::default(), |loaded| loaded.counters));
        loaded
    }

    /// Keeps weights, as what differs from `start`, with counters and numbers. If it fails, or power is cut
    /// while it writes, what was kept before stands; or the new, whole, where only its end was not seen. What
    /// stands was loaded or saved by this `Keep`, or is looked at first, which takes as long as a load.
    ///
    /// # Errors
    /// [`KeepError::Full`] where there is no room, before anything is written; [`KeepError::Flash`] where the
    /// flash fails; [`KeepError::Standing`] where it is worn or holds too much else, and what was kept before
    /// stands; [`KeepError::Stuck`] where nothing could be loaded, and nothing can be written either.
    pub fn write<T: Start + ?Sized>(
        &mut self,
        start: &T,
        weights: &[f32],
        counters: Counters,
        numbers: &[f32],
    ) -> Result<Saved, KeepError<F::Error>> {
        let (need, got) = (start.len(), weights.len());
        if need != got {
            return Err(KeepError::Weights { need, got });
        }
        let (most, got) = (Self::most_numbers(), numbers.len());
        if got > most {
            return Err(KeepError::Numbers { most, got });
        }
        let survey = survey(self.kind, start, weights)?;
        let header = survey.header(self.recipe);
        let mut need = 0;
        encode(start, weights, (&survey, &header), &mut |bytes| {
            need += bytes.len();
            Ok(())
        })?;
        let room = self.room();
        if need > room {
            return Err(KeepError::Full { need, room });
        }
        let mut record = Record {
            generation: 0,
            chunks: need.div_ceil(B.saturating_sub(NUMBER).max(1)) as u16,
            numbers: numbers.len() as u16,
            bytes: need as u32,
            start: header.start,
            result: header.result,
            counters,
        };
        let contents = record.contents(numbers);
        let bytes = record.bytes;
        let before = match self.stands {
            Some((generation, kept)) if kept == contents => {
                return Ok(Saved { generation, bytes, written: false });
            }
            Some((generation, _)) => generation,
            None => {
                let Standing { whole, newest } = self.standing(start, header.start)?;
                whole.unwrap_or(newest)
            }
        };
        let generation = before.wrapping_add(1);
        record.generation = generation;
        self.stands = None;
        let all = (start, weights, &survey, &header);
        for attempt in 0..3 {
            // the second time the store takes other words; if those are not read back either, there is no room
            // or what lies there is worn, or another program's. All of it goes that nothing stands on.
            if attempt == 2 {
                match self.standing(start, header.start)?.whole {
                    // whole after all, or the older one, on whose place the new would come
                    Some(stands) if place(stands) == place(generation) => break,
                    Some(stands) => {
                        self.shed(stands, (start, header.start), place(generation).1)?
                    }
                    None => self.erase()?,
                }
            }
            match self.put(&record, all, numbers) {
                Err(Failure::Damaged) => {}
                Err(Failure::Keep(error)) => return Err(error),
                Ok(()) => {
                    self.stands = Some((generation, contents));
                    return Ok(Saved { generation, bytes, written: true });
                }
            }
        }
        Err(match self.standing(start, header.start)?.whole {
            Some(generation) => KeepError::Standing { generation },
            None => KeepError::Stuck,
        })
    }

    /// Writes a delta and, when that is read back as it was written, its record.
    fn put<T: Start + ?Sized>(
        &mut self,
        record: &Record,
        (start, weights, survey, header): (&T, &[f32], &Survey, &Header),
        numbers: &[f32],
    ) -> Result<(), Failure<F::Error>> {
        let (first, last) = place(record.generation);
        let Self { store, piece: Aligned(piece), .. } = self;
        let room = piece.get_mut(..B.saturating_sub(NUMBER)).unwrap_or_default();
        let mut pieces = Pieces::new(room, first, |number, bytes: &[u8]| store.put(number, bytes));
        let mut written = Digest::new();
        encode(start, weights, (survey, header), &mut |bytes| {
            written.update_bytes(bytes);
            pieces.take(bytes)
        })?;
        pieces.finish()?;
        let mut read = Digest::new();
        let mut chunks = Chunks::new(store, first..first.saturating_add(record.chunks));
        chunks.by_ref().for_each(|byte| read.update_bytes(&[byte]));
        if let Some(fault) = chunks.fault() {
            return Err(fault.into());
        }
        if read.finish() != written.finish() {
            return Err(Failure::Damaged);
        }
        store.put(last, record.write(numbers, room).ok_or(Failure::Damaged)?)?;
        match self.record(last)? {
            Some(read) if read == *record => Ok(()),
            _ => Err(Failure::Damaged),
        }
    }

    /// Writes what was kept last into `weights` and `numbers`, and says of what generation it is. Where
    /// nothing is, or nothing that is for this start, `weights` become the start and `numbers` stay as they
    /// are.
    ///
    /// # Errors
    /// [`KeepError::Flash`] where the flash fails; the weights are the start then. [`KeepError::Start`] where
    /// the start has a weight that it only writes whole.
    pub fn read<T: Start + ?Sized>(
        &mut self,
        start: &T,
        weights: &mut [f32],
        numbers: &mut [f32],
    ) -> Result<Loaded, KeepError<F::Error>> {
        let (need, got) = (start.len(), weights.len());
        if need != got {
            return Err(KeepError::Weights { need, got });
        }
        start.fill_window(0, weights)?;
        let print = Fingerprint::of(weights);
        self.stands = None;
        let (records, damaged) = self.records()?;
        let mut ignored = damaged.then_some(Ignored::Damaged);
        for record in records.into_iter().flatten() {
            match self.apply(&record, print, weights, numbers) {
                Ok(()) => {
                    self.stands = Some((record.generation, record.contents(numbers)));
                    return Ok(Loaded {
                        generation: Some(record.generation),
                        bytes: record.bytes,
                        counters: record.counters,
                        ignored,
                    });
                }
                Err(why) => {
                    start.fill_window(0, weights)?;
                    match why {
                        Refused::Ignored(why) => ignored = ignored.or(Some(why)),
                        Refused::Flash(error) => return Err(KeepError::Flash(error)),
                    }
                }
            }
        }
        if ignored.is_none() && !self.store.is_blank().or_else(Fault::damaged)? {
            ignored = Some(Ignored::Damaged);
        }
        Ok(Loaded { generation: None, bytes: 0, counters: Counters::default(), ignored })
    }

    /// Erases the range: what was kept is gone, and the next load is the start.
    ///
    /// # Errors
    /// [`KeepError::Flash`] where the flash fails.
    pub fn erase(&mut self) -> Result<(), KeepError<F::Error>> {
        self.stands = None;
        Ok(self.store.erase()?)
    }

    /// The flash, for who wants to read other parts of it.
    pub const fn flash(&mut self) -> &mut F {
        self.store.flash()
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.store.release()
    }
}
