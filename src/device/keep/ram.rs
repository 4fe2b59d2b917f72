//! Memory that behaves as NOR flash does, for a PC, for tests and for a board without flash to spare.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// `SIZE` bytes of flash in memory, in pages of `PAGE` bytes and words of 4: writing only clears bits, and
/// only erasing a page sets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RamFlash<const SIZE: usize, const PAGE: usize> {
    bytes: [u8; SIZE],
}

impl<const SIZE: usize, const PAGE: usize> RamFlash<SIZE, PAGE> {
    /// All erased.
    pub const fn new() -> Self {
        Self { bytes: [0xff; SIZE] }
    }

    /// What it holds.
    pub const fn bytes(&mut self) -> &mut [u8; SIZE] {
        &mut self.bytes
    }

    fn range(&mut self, from: u32, len: usize) -> &mut [u8] {
        let there = self.bytes.get_mut(from as usize..).unwrap_or_default();
        there.get_mut(..len).unwrap_or_default()
    }
}

impl<const SIZE: usize, const PAGE: usize> Default for RamFlash<SIZE, PAGE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SIZE: usize, const PAGE: usize> ErrorType for RamFlash<SIZE, PAGE> {
    type Error = NorFlashErrorKind;
}

impl<const SIZE: usize, const PAGE: usize> ReadNorFlash for RamFlash<SIZE, PAGE> {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        let there = self.range(offset, bytes.len());
        bytes.iter_mut().zip(there).for_each(|(byte, there)| *byte = *there);
        Ok(())
    }

    fn capacity(&self) -> usize {
        SIZE
    }
}

impl<const SIZE: usize, const PAGE: usize> NorFlash for RamFlash<SIZE, PAGE> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.range(from, (to - from) as usize).fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let there = self.range(offset, bytes.len());
        there.iter_mut().zip(bytes).for_each(|(there, byte)| *there &= byte);
        Ok(())
    }
}
