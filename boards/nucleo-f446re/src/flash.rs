//! Three small sectors of flash, as drivers of storage want them.
//!
//! The chip's sectors are 4 of 16 KiB, 1 of 64 and 3 of 128 (RM0390, 3.3). The HAL's own `NorFlash` takes pages of 128
//! KiB, of which a device that keeps something wants three. So `memory.x` leaves the sectors 1 to 3 free instead: the
//! vectors lie in front of them, and all else behind.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use stm32f4xx_hal::flash::{Error, FlashExt, LockedFlash};

/// Where they begin, in flash, and their size.
const START: usize = 16 * 1024;
const SECTOR: usize = 16 * 1024;
const BYTES: usize = 3 * SECTOR;

/// The 48 KiB; offsets are from where they begin.
pub struct Flash(pub(crate) LockedFlash);

/// Why something was not done.
#[derive(Debug)]
pub enum FlashError {
    /// The range is not within 48 KiB, or not of whole words or sectors.
    Range(NorFlashErrorKind),
    /// The chip says so.
    Chip(Error),
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Range(kind) => *kind,
            Self::Chip(error) => error.kind(),
        }
    }
}

impl ErrorType for Flash {
    type Error = FlashError;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len()).map_err(FlashError::Range)?;
        ReadNorFlash::read(&mut self.0, START as u32 + offset, bytes).map_err(FlashError::Chip)
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to).map_err(FlashError::Range)?;
        let mut flash = self.0.unlocked();
        for offset in (from as usize..to as usize).step_by(SECTOR) {
            let sector = (START + offset) / SECTOR;
            flash.erase(sector as u8).map_err(FlashError::Chip)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len()).map_err(FlashError::Range)?;
        let at = START + offset as usize;
        self.0.unlocked().program(at, bytes.iter()).map_err(FlashError::Chip)
    }
}
