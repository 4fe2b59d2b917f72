//! What a cut of power in the middle of an erasure leaves behind is put right before the store is used.
//!
//! embedded-storage says that a page is undefined when power is lost while it is erased: it may hold anything,
//! zeros included, by which many chips even out the cells first. sequential-storage takes such a page for
//! what its first and last words say. Mostly that ends well; but a page whose valid items were moved to the
//! one before it, and whose erasure was cut, may still look as if it were in use. Its repair would then
//! erase the page that they were moved to, and move them again, out of what is left.
//!
//! The order of things is: page T is opened, the valid items of the oldest page S = T + 1 are moved to it, S
//! is erased. So, by the states of pages (open; begun: its first word is written; closed: its last word, too):
//!
//! - what looks open and is not blank, or has its last word and not its first, was being erased: erase it;
//! - T and S are begun: S was closed before, so it was being erased: erase it;
//! - T is begun, S is closed: if S still has whatever T has, all can be moved once more, and
//!   sequential-storage does so. If not, S was being erased, since nothing else takes items from a page, and
//!   then T has all of them: erase S;
//! - all are closed: a T was being erased to be written once more. Erase the page all of whose items are
//!   also in the next one.

use super::blocking::{Blocking, Broken, View, last_word, marked, now};
use super::store::{Aligned, Fault, HEADER, Map, NUMBER, WORD, map};
use crate::recipe::Fingerprint;
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;
use embedded_storage_async::nor_flash::NorFlash as _;

/// What the first and the last word of a page say of it.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Begun,
    Closed,
    Odd,
}

/// The checksum of an item's length (sequential-storage 8.0, `item.rs`): a CRC of 16 bits by 0x1a2e,
/// reflected, and never 0xffff.
fn length_check(length: [u8; 2]) -> u16 {
    let mut sum = 0xffff_u16;
    for byte in length {
        sum ^= u16::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0x1a2e } else { sum >> 1 };
        }
    }
    (!sum).min(0xfffe)
}

/// A range of pages.
pub(super) struct Pages<'a, F> {
    flash: &'a mut F,
    start: u32,
    count: u32,
}

impl<'a, F: NorFlash> Pages<'a, F> {
    pub fn new(flash: &'a mut F, range: Range<u32>) -> Self {
        let bytes = range.end.saturating_sub(range.start) as usize;
        let count = bytes.checked_div(F::ERASE_SIZE).unwrap_or(0) as u32;
        Self { flash, start: range.start, count }
    }

    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Closes the page that is begun and begins the one behind it, which is blank, unless that has been done.
    /// Where the page behind that one begins, if anything is in it.
    pub fn turn(&mut self) -> Result<Option<u32>, Fault<F::Error>> {
        let (mut begun, mut behind) = (0, 0);
        for page in 0..self.count {
            if self.state(page)? == State::Begun {
                (begun, behind) = (page, self.next(page));
            }
        }
        if begun == behind {
            return Ok(None);
        }
        if self.state(behind)? == State::Open {
            let word = F::READ_SIZE.max(F::WRITE_SIZE);
            let last = self.at(begun).saturating_add(F::ERASE_SIZE.saturating_sub(word) as u32);
            self.mark(last, word)?;
            self.mark(self.at(behind), word)?;
            behind = self.next(behind);
        }
        Ok((self.state(behind)? == State::Closed).then(|| self.at(behind)))
    }

    /// Writes a word by which a page is begun or closed.
    fn mark(&mut self, at: u32, word: usize) -> Result<(), Fault<F::Error>> {
        let zeros = Aligned([0; WORD]);
        let mut flash = Blocking { flash: &mut *self.flash, view: View::All };
        let written = flash.write(at, zeros.0.get(..word).unwrap_or_default());
        match now(written) {
            Some(Err(Broken::Flash(error))) => Err(Fault::Flash(error)),
            Some(Err(Broken::Worn)) | None => Err(Fault::Damaged),
            Some(Ok(())) => Ok(()),
        }
    }

    fn at(&self, page: u32) -> u32 {
        self.start.saturating_add(page.saturating_mul(F::ERASE_SIZE as u32))
    }

    fn next(&self, page: u32) -> u32 {
        if page + 1 < self.count { page + 1 } else { 0 }
    }

    /// Erases a page. Where it begins, if it does not look open even so: what is worn at its first or last
    /// word would be taken for a page in use.
    fn erase(&mut self, page: u32) -> Result<Option<u32>, Fault<F::Error>> {
        let at = self.at(page);
        let end = at.saturating_add(F::ERASE_SIZE as u32);
        self.flash.erase(at, end).map_err(Fault::Flash)?;
        Ok((self.state(page)? != State::Open).then_some(at))
    }

    fn state(&mut self, page: u32) -> Result<State, Fault<F::Error>> {
        let at = self.at(page);
        let mut marked = |at| marked(self.flash, at).map_err(Fault::Flash);
        Ok(match (marked(at)?, marked(last_word::<F>(at))?) {
            (false, false) => State::Open,
            (true, false) => State::Begun,
            (true, true) => State::Closed,
            (false, true) => State::Odd,
        })
    }

    fn is_blank(&mut self, page: u32, room: &mut [u8]) -> Result<bool, Fault<F::Error>> {
        let (begin, step) = (self.at(page), F::READ_SIZE.max(1));
        let most = room.len() / step * step;
        let mut done = 0;
        while done < F::ERASE_SIZE && most > 0 {
            let part = room.get_mut(..most.min(F::ERASE_SIZE - done)).unwrap_or_default();
            let at = begin.saturating_add(done as u32);
            self.flash.read(at, part).map_err(Fault::Flash)?;
            if part.iter().any(|byte| *byte != 0xff) {
                return Ok(false);
            }
            done += part.len();
        }
        Ok(true)
    }

    /// Whether nothing lies in any page.
    pub fn are_blank(&mut self, room: &mut [u8]) -> Result<bool, Fault<F::Error>> {
        for page in 0..self.count {
            if !self.is_blank(page, room)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A page as a store of its own.
    fn one(&mut self, page: u32) -> Option<Map<'_, F>> {
        let view = View::Only(self.at(page));
        map(Blocking { flash: self.flash, view }, 0..(F::ERASE_SIZE as u32).saturating_mul(2))
    }

    /// The number and the checksum of the `n`-th valid item of a page.
    fn item(&mut self, page: u32, n: usize, room: &mut [u8]) -> Option<(u16, Fingerprint)> {
        let mut one = self.one(page)?;
        let mut items = now(one.fetch_all_items(room))?.ok()?;
        let mut left = n;
        loop {
            let (number, bytes) = now(items.next::<&[u8]>(room))?.ok()??;
            if left == 0 {
                return Some((number, Fingerprint::of_bytes(bytes)));
            }
            left -= 1;
        }
    }

    /// Whether each valid item of a page is also in another, and the newest of its number there.
    fn is_in(&mut self, page: u32, other: u32, room: &mut [u8]) -> bool {
        let mut n = 0;
        while let Some((number, sum)) = self.item(page, n, room) {
            let Some(mut one) = self.one(other) else { return false };
            let there = now(one.fetch_item::<&[u8]>(room, &number));
            match there {
                Some(Ok(Some(bytes))) if Fingerprint::of_bytes(bytes) == sum => n += 1,
                _ => return false,
            }
        }
        true
    }

    /// Whether a page has an item that is too short for its number, and so is another program's.
    /// sequential-storage would read its number from what lies behind it. No cut of power makes one of ours:
    /// it leaves bits of a length that are 1.
    fn has_short(&mut self, page: u32, room: &mut [u8]) -> Result<bool, Fault<F::Error>> {
        let word = F::READ_SIZE.max(F::WRITE_SIZE).max(1);
        let (size, header) = (F::ERASE_SIZE.saturating_sub(word), HEADER.next_multiple_of(word));
        let mut at = word;
        while at + header <= size {
            let bytes = room.get_mut(..header).unwrap_or_default();
            let place = self.at(page).saturating_add(at as u32);
            self.flash.read(place, bytes).map_err(Fault::Flash)?;
            let [_, _, _, _, a, b, c, d] = bytes.first_chunk().copied().unwrap_or([0xff; HEADER]);
            let length = usize::from(u16::from_le_bytes([a, b]));
            let next = at + header + length.next_multiple_of(word);
            match u16::from_le_bytes([c, d]) == length_check([a, b]) && next <= size {
                true if length < NUMBER => return Ok(true),
                true => at = next,
                false if bytes.iter().all(|byte| *byte == 0xff) => break,
                false => at += word,
            }
        }
        Ok(false)
    }

    /// Puts right what a cut has left. It reads each page once, and erases one where it must. Where the page
    /// begins that should be open and cannot be: the others are sound without it, and full.
    pub fn mend(&mut self, room: &mut [u8]) -> Result<Option<u32>, Fault<F::Error>> {
        let (mut all_closed, mut shut) = (true, None);
        for page in 0..self.count {
            let state = self.state(page)?;
            let was_being_erased = match state {
                State::Odd => true,
                State::Open => !self.is_blank(page, room)?,
                _ => false,
            };
            if was_being_erased {
                shut = self.erase(page)?.or(shut);
            }
            all_closed &= state == State::Closed;
            if matches!(state, State::Begun | State::Closed) && self.has_short(page, room)? {
                return Err(Fault::Damaged);
            }
        }
        // two that are begun come first: the second has lost its last word, and tells nothing of its next
        for page in 0..self.count {
            let next = self.next(page);
            if self.state(page)? == State::Begun && self.state(next)? == State::Begun {
                return self.erase(next);
            }
        }
        for page in 0..self.count {
            let next = self.next(page);
            match (self.state(page)?, self.state(next)?) {
                (State::Begun, State::Closed) if !self.is_in(page, next, room) => {
                    return self.erase(next);
                }
                (State::Closed, _) if all_closed && self.is_in(page, next, room) => {
                    return self.erase(page);
                }
                _ => {}
            }
        }
        Ok(shut)
    }
}
