//! A delta as items: cut into pieces where it is written, and byte after byte where it is read.

use super::Failure;
use super::store::{Fault, Store};
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;

/// Cuts bytes into pieces as long as its room, and puts each under the next number.
pub(super) struct Pieces<'a, P> {
    room: &'a mut [u8],
    filled: usize,
    number: u16,
    put: P,
}

impl<'a, E, P: FnMut(u16, &[u8]) -> Result<(), Fault<E>>> Pieces<'a, P> {
    pub fn new(room: &'a mut [u8], number: u16, put: P) -> Self {
        Self { room, filled: 0, number, put }
    }

    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Failure<E>> {
        for byte in bytes {
            if self.filled == self.room.len() {
                self.flush()?;
            }
            if let Some(place) = self.room.get_mut(self.filled) {
                *place = *byte;
                self.filled += 1;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure<E>> {
        let piece = self.room.get(..self.filled).unwrap_or_default();
        (self.put)(self.number, piece)?;
        (self.filled, self.number) = (0, self.number.wrapping_add(1));
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<(), Failure<E>> {
        if self.filled > 0 { self.flush() } else { Ok(()) }
    }
}

/// The bytes of items with these numbers. They end where one is missing, or where the store fails, which
/// [`fault`](Self::fault) tells.
pub(super) struct Chunks<'a, F: NorFlash, const B: usize> {
    store: &'a mut Store<F, B>,
    numbers: Range<u16>,
    at: usize,
    len: usize,
    fault: Option<Fault<F::Error>>,
}

impl<'a, F: NorFlash, const B: usize> Chunks<'a, F, B> {
    pub fn new(store: &'a mut Store<F, B>, numbers: Range<u16>) -> Self {
        Self { store, numbers, at: 0, len: 0, fault: None }
    }

    pub fn fault(self) -> Option<Fault<F::Error>> {
        self.fault
    }
}

impl<F: NorFlash, const B: usize> Iterator for Chunks<'_, F, B> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        while self.at == self.len {
            let number = self.numbers.next()?;
            match self.store.get(number) {
                Ok(len) => (self.at, self.len) = (0, len?),
                Err(fault) => {
                    self.numbers = 0..0;
                    self.fault = Some(fault);
                    return None;
                }
            }
        }
        let byte = self.store.bytes(self.len).get(self.at).copied();
        self.at += 1;
        byte
    }
}
