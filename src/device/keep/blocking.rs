//! A blocking flash where the store wants one that may be awaited, which sees what does not hold.

use super::store::{Aligned, WORD};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind};
use embedded_storage_async::nor_flash as awaited;

/// What the store sees of the flash.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    All,
    /// A page that begins here, as if it were the first of two, and the second blank. Nothing is changed.
    Only(u32),
    /// All but the page that begins here, which looks blank. Nothing is changed.
    Without(u32),
}

/// A flash whose operations are done when they return, so that a future over it is ready at once.
#[derive(Debug)]
pub(super) struct Blocking<'a, F> {
    pub flash: &'a mut F,
    pub view: View,
}

/// Why an operation failed.
#[derive(Debug)]
pub(super) enum Broken<E> {
    Flash(E),
    /// The flash says that it was done, but does not hold what was written.
    Worn,
}

impl<E: NorFlashError> NorFlashError for Broken<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Flash(error) => error.kind(),
            Self::Worn => NorFlashErrorKind::Other,
        }
    }
}

/// Whether so many bits of the word at an address are 0 that it was written on purpose: half of a byte's, as
/// sequential-storage counts.
pub(super) fn marked<F: NorFlash>(flash: &mut F, at: u32) -> Result<bool, F::Error> {
    let mut word = Aligned([0xff; WORD]);
    let word = word.0.get_mut(..F::READ_SIZE).unwrap_or_default();
    flash.read(at, word)?;
    Ok(word.iter().map(|byte| byte.count_zeros()).sum::<u32>() >= 4)
}

/// Where the last word of a page is that is read at once.
pub(super) const fn last_word<F: NorFlash>(page: u32) -> u32 {
    page.saturating_add(F::ERASE_SIZE.saturating_sub(F::READ_SIZE) as u32)
}

impl<F: ErrorType> ErrorType for Blocking<'_, F> {
    type Error = Broken<F::Error>;
}

impl<F: NorFlash> awaited::ReadNorFlash for Blocking<'_, F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let at = match self.view {
            View::All => Some(offset),
            View::Only(page) => {
                ((offset as usize) < F::ERASE_SIZE).then_some(page.saturating_add(offset))
            }
            View::Without(page) => {
                let inside =
                    offset.checked_sub(page).is_some_and(|at| (at as usize) < F::ERASE_SIZE);
                (!inside).then_some(offset)
            }
        };
        match at {
            Some(at) => self.flash.read(at, bytes).map_err(Broken::Flash),
            None => {
                bytes.fill(0xff);
                Ok(())
            }
        }
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<F: NorFlash> awaited::NorFlash for Blocking<'_, F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    /// Erases pages, and sees whether they look open: one that does not would be taken for one in use.
    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        if !matches!(self.view, View::All) {
            return Ok(());
        }
        self.flash.erase(from, to).map_err(Broken::Flash)?;
        for page in (from..to).step_by(F::ERASE_SIZE.max(1)) {
            for at in [page, last_word::<F>(page)] {
                if marked(self.flash, at).map_err(Broken::Flash)? {
                    return Err(Broken::Worn);
                }
            }
        }
        Ok(())
    }

    /// Writes words, and reads them back: the store erases a page when its items were moved, and must not
    /// take them for moved where the flash does not hold them.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        if !matches!(self.view, View::All) {
            return Ok(());
        }
        self.flash.write(offset, bytes).map_err(Broken::Flash)?;
        let mut read = Aligned([0; WORD]);
        let step = WORD.checked_div(F::READ_SIZE).unwrap_or(0) * F::READ_SIZE;
        for (at, bytes) in (offset..).step_by(step.max(1)).zip(bytes.chunks(step.max(1))) {
            let read = read.0.get_mut(..bytes.len()).unwrap_or_default();
            self.flash.read(at, read).map_err(Broken::Flash)?;
            if read != bytes {
                return Err(Broken::Worn);
            }
        }
        Ok(())
    }
}

/// What a future over a [`Blocking`] flash comes to; none if it waits for something, which it does not.
pub(super) fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
