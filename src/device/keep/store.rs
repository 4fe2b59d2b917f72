//! Items by number in flash: sequential-storage's map.

use super::blocking::{Blocking, Broken, View, now};
use super::error::KeepError;
use super::mend::Pages;
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;
use sequential_storage::Error;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::map::{MapConfig, MapConfigError, MapStorage};

/// Bytes of the number before an item.
pub(super) const NUMBER: usize = 2;
/// Bytes of the store's own header before an item (sequential-storage 8.0, `item.rs`).
pub(super) const HEADER: usize = 8;
/// Bytes of the largest word that the store writes.
pub(super) const WORD: usize = 32;

/// The least bytes of an item: its number and a record without numbers beside the weights.
pub(super) const LEAST: usize = NUMBER + super::record::BARE;

/// Bytes at an address that a controller of flash can read words from.
#[derive(Debug)]
#[repr(align(4))]
pub(super) struct Aligned<const N: usize>(pub [u8; N]);

/// Why the store does not do what it should.
pub(super) enum Fault<E> {
    /// The flash failed.
    Flash(E),
    /// What lies in flash cannot be worked with, by whom ever it was written; or it has no room; or it does
    /// not hold what is written.
    Damaged,
}

impl<E> Fault<E> {
    /// No, where something is damaged.
    pub fn damaged(self) -> Result<bool, KeepError<E>> {
        match self {
            Self::Flash(error) => Err(KeepError::Flash(error)),
            Self::Damaged => Ok(false),
        }
    }
}

impl<E> From<Error<Broken<E>>> for Fault<E> {
    fn from(error: Error<Broken<E>>) -> Self {
        match error {
            Error::Storage { value: Broken::Flash(error), .. } => Self::Flash(error),
            _ => Self::Damaged,
        }
    }
}

/// Why a range of flash is no store.
pub(super) enum Unfit {
    /// A page is too small.
    Page { need: usize, got: usize },
    /// There are too few pages, or they do not begin and end with the range.
    Range,
    /// The words are too large.
    Word { most: usize, got: usize },
    /// Items have to be whole words of at least so many bytes.
    Item { word: usize, got: usize },
}

/// sequential-storage's map, without a cache: a device loads once and saves seldom.
pub(super) type Map<'a, F> =
    MapStorage<u16, Blocking<'a, F>, Cache<Uncached, Uncached, Uncached, u16>>;

/// The map, and the room for an item.
type MapAndItem<'a, F> = (Map<'a, F>, &'a mut [u8]);

/// The map of a range; none where it cannot be one. There is nothing in it but the flash.
pub(super) fn map<F: NorFlash>(flash: Blocking<'_, F>, range: Range<u32>) -> Option<Map<'_, F>> {
    let config = MapConfig::try_new(range).ok()?;
    Some(MapStorage::new(flash, config, Cache::new_uncached()))
}

/// Items of up to `B` bytes, their number included.
pub(super) struct Store<F: NorFlash, const B: usize> {
    flash: F,
    range: Range<u32>,
    item: Aligned<B>,
    /// Whether nothing was left undone when the power came on, or by an error.
    mended: bool,
    /// Where a page begins that is taken for blank for a while.
    hidden: Option<u32>,
    /// Where a page begins that is taken for blank because it cannot be erased: nothing is written then.
    shut: Option<u32>,
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

impl<F: NorFlash, const B: usize> Store<F, B> {
    /// The larger of the words that are read and written.
    const WORD: usize = larger(F::READ_SIZE, F::WRITE_SIZE);
    /// What an item of `B` bytes takes.
    const ITEM: usize = HEADER.next_multiple_of(larger(Self::WORD, 1)) + B;
    /// What a page has for items: all but two words of its state.
    const PAGE: usize = F::ERASE_SIZE.saturating_sub(2 * Self::WORD);

    /// Takes a range of flash for a store.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, Unfit> {
        let word = Self::WORD;
        if word > WORD || word == 0 {
            return Err(Unfit::Word { most: WORD, got: word });
        }
        if B < LEAST || !B.is_multiple_of(word) {
            return Err(Unfit::Item { word, got: B });
        }
        if Self::PAGE < 2 * Self::ITEM {
            let need = 2 * Self::ITEM + 2 * word;
            return Err(Unfit::Page { need, got: F::ERASE_SIZE });
        }
        // three at least: with two, each comes behind the other, and `mend` could not tell them apart
        let least = F::ERASE_SIZE.saturating_mul(3);
        let fits = range.end.saturating_sub(range.start) as usize >= least;
        let fits = fits && range.end as usize <= flash.capacity();
        let whole = MapConfig::<Blocking<'_, F>>::try_new(if fits { range.clone() } else { 0..0 });
        match whole {
            Ok(_) => Ok(Self {
                flash,
                range,
                item: Aligned([0; B]),
                mended: false,
                hidden: None,
                shut: None,
            }),
            Err(MapConfigError::WordSizeTooLarge | MapConfigError::PagesTooSmall) => {
                Err(Unfit::Page { need: 0, got: F::ERASE_SIZE })
            }
            Err(_) => Err(Unfit::Range),
        }
    }

    /// How many items of full size can be there at once, and one more be written. The store keeps a page
    /// empty, and moves what is valid out of the oldest page before it erases that. It finds room as long
    /// as a page has less than it can hold, by an item: so all valid items together must be less than
    /// (pages − 1) · (page − item).
    pub fn most(&self) -> usize {
        let bytes = self.range.end.saturating_sub(self.range.start) as usize;
        let pages = bytes.checked_div(F::ERASE_SIZE).unwrap_or(0);
        let room = pages.saturating_sub(1) * Self::PAGE.saturating_sub(Self::ITEM);
        (room / Self::ITEM).saturating_sub(1)
    }

    /// What has to be done before anything else, when the power comes on and after an error.
    fn mend(&mut self) -> Result<(), Fault<F::Error>> {
        if !self.mended && self.hidden.is_none() {
            let (mut pages, room) = self.pages();
            self.shut = pages.mend(room)?;
            self.mended = true;
        }
        Ok(())
    }

    fn pages(&mut self) -> (Pages<'_, F>, &mut [u8]) {
        (Pages::new(&mut self.flash, self.range.clone()), &mut self.item.0)
    }

    fn map(&mut self) -> Result<MapAndItem<'_, F>, Fault<F::Error>> {
        let view = self.hidden.or(self.shut).map_or(View::All, View::Without);
        let flash = Blocking { flash: &mut self.flash, view };
        let map = map(flash, self.range.clone()).ok_or(Fault::Damaged)?;
        Ok((map, &mut self.item.0))
    }

    /// Whether nothing lies in the range.
    pub fn is_blank(&mut self) -> Result<bool, Fault<F::Error>> {
        let (mut pages, room) = self.pages();
        pages.are_blank(room)
    }

    /// Writes an item in place of the one of that number, if there is one.
    pub fn put(&mut self, number: u16, bytes: &[u8]) -> Result<(), Fault<F::Error>> {
        self.mend()?;
        if self.shut.is_some() {
            return Err(Fault::Damaged);
        }
        let (mut map, item) = self.map()?;
        let done = now(map.store_item(item, &number, &bytes));
        let done = done.unwrap_or(Err(Error::LogicBug {}));
        self.mended = done.is_ok();
        Ok(done?)
    }

    /// Reads an item, which then lies in [`bytes`](Self::bytes); none if there is no such one.
    pub fn get(&mut self, number: u16) -> Result<Option<usize>, Fault<F::Error>> {
        self.mend()?;
        let (mut map, item) = self.map()?;
        let done = now(map.fetch_item::<&[u8]>(item, &number));
        let done = done.unwrap_or(Err(Error::LogicBug {})).map(|bytes| bytes.map(<[u8]>::len));
        self.mended = done.is_ok();
        Ok(done?)
    }

    /// How many pages there are.
    pub fn count(&mut self) -> u32 {
        self.pages().0.count()
    }

    /// Begins the page that is to be written next, as the store does when the one before it is full. Where
    /// the oldest page begins, which the store would now move to it and erase; none if it is blank.
    pub fn turn(&mut self) -> Result<Option<u32>, Fault<F::Error>> {
        self.mend()?;
        if self.shut.is_some() {
            return Ok(None);
        }
        self.mended = false;
        self.pages().0.turn()
    }

    /// Takes a page for blank from now on, or none.
    pub const fn hide(&mut self, page: Option<u32>) {
        (self.hidden, self.mended) = (page, false);
    }

    /// Erases the page that begins here.
    pub fn erase_page(&mut self, page: u32) -> Result<(), Fault<F::Error>> {
        self.mended = false;
        let end = page.saturating_add(F::ERASE_SIZE as u32);
        self.flash.erase(page, end).map_err(Fault::Flash)
    }

    /// The item of `len` bytes that was read last.
    pub fn bytes(&self, len: usize) -> &[u8] {
        self.item.0.get(NUMBER..).and_then(|bytes| bytes.get(..len)).unwrap_or_default()
    }

    /// Erases all of the range.
    pub fn erase(&mut self) -> Result<(), Fault<F::Error>> {
        (self.mended, self.shut) = (false, None);
        let (mut map, _) = self.map()?;
        Ok(now(map.erase_all()).ok_or(Fault::Damaged)??)
    }

    /// The flash.
    pub const fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.flash
    }
}
