//! A blocking flash where the store wants one that may be awaited.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_storage::nor_flash::{ErrorType, NorFlash};
use embedded_storage_async::nor_flash as awaited;

/// A flash whose operations are done when they return, so that a future over it is ready at once.
#[derive(Debug)]
pub(super) struct Blocking<'a, F> {
    pub flash: &'a mut F,
    /// Where a page begins that is looked at alone: it is then the first of two, the second is blank, and
    /// nothing is changed.
    pub only: Option<u32>,
}

impl<F: ErrorType> ErrorType for Blocking<'_, F> {
    type Error = F::Error;
}

impl<F: NorFlash> awaited::ReadNorFlash for Blocking<'_, F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        match self.only {
            None => self.flash.read(offset, bytes),
            Some(page) if (offset as usize) < F::ERASE_SIZE => {
                self.flash.read(page.saturating_add(offset), bytes)
            }
            Some(_) => {
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

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        if self.only.is_some() { Ok(()) } else { self.flash.erase(from, to) }
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        if self.only.is_some() { Ok(()) } else { self.flash.write(offset, bytes) }
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
