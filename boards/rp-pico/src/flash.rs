//! The end of flash, as drivers of storage want it: the boot ROM erases and writes (datasheet of the RP2040, 2.8.3.1).
//!
//! Meanwhile nothing can be read from flash, programs included: what calls the ROM lies in memory, and interrupts are
//! off.

use core::{arch::asm, ptr};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use rp2040_hal::rom_data;

/// Where `memory.x` ends the program, in flash, and how many bytes there are from there on.
const START: u32 = 2048 * 1024 - BYTES as u32;
const BYTES: usize = 32 * 1024;
/// Where flash is read.
const MAPPED: u32 = 0x1000_0000;
/// Bytes that are written and erased at once.
const PAGE: usize = 256;
const SECTOR: usize = 4096;
/// The chip's command to erase a block of 64 KiB, and its size.
const BLOCK: (u32, u8) = (1 << 16, 0xd8);

/// The last 32 KiB of flash; offsets are from where they begin.
pub struct Flash(pub(crate) ());

/// Why nothing was done.
#[derive(Debug)]
pub enum FlashError {
    /// The range is not within 32 KiB.
    OutOfBounds,
    /// It is not of whole words, or sectors.
    NotAligned,
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned => NorFlashErrorKind::NotAligned,
        }
    }
}

impl ErrorType for Flash {
    type Error = FlashError;
}

/// Checks a range against the end and against what it is a multiple of.
fn check(from: u32, bytes: usize, multiple: usize) -> Result<(), FlashError> {
    match (from as usize).checked_add(bytes) {
        Some(end) if end <= BYTES => {}
        _ => return Err(FlashError::OutOfBounds),
    }
    if from as usize % multiple != 0 || bytes % multiple != 0 {
        return Err(FlashError::NotAligned);
    }
    Ok(())
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check(offset, bytes.len(), 1)?;
        for (address, byte) in (MAPPED + START + offset..).zip(bytes) {
            // SAFETY: within flash. Volatile, since the compiler has not seen it change.
            *byte = unsafe { ptr::with_exposed_provenance::<u8>(address as usize).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        BYTES
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let bytes = to.checked_sub(from).ok_or(FlashError::OutOfBounds)? as usize;
        check(from, bytes, SECTOR)?;
        without_flash(Work::Erase { at: START + from, bytes });
        Ok(())
    }

    fn write(&mut self, offset: u32, mut bytes: &[u8]) -> Result<(), FlashError> {
        check(offset, bytes.len(), Self::WRITE_SIZE)?;
        let mut at = offset as usize;
        while !bytes.is_empty() {
            // ones change nothing, so that a page can be written in parts
            let (mut page, skipped) = ([0xff; PAGE], at % PAGE);
            let (now, rest) = bytes.split_at(bytes.len().min(PAGE - skipped));
            page[skipped..skipped + now.len()].copy_from_slice(now);
            without_flash(Work::Write { at: START + (at - skipped) as u32, page: &page });
            (at, bytes) = (at + now.len(), rest);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Work<'a> {
    Erase { at: u32, bytes: usize },
    Write { at: u32, page: &'a [u8; PAGE] },
}

/// What is called while there is no flash.
struct Rom {
    connect: unsafe extern "C" fn(),
    leave: unsafe extern "C" fn(),
    erase: unsafe extern "C" fn(u32, usize, u32, u8),
    write: unsafe extern "C" fn(u32, *const u8, usize),
    flush: unsafe extern "C" fn(),
}

fn without_flash(work: Work) {
    let rom = Rom {
        connect: rom_data::connect_internal_flash::ptr(),
        leave: rom_data::flash_exit_xip::ptr(),
        erase: rom_data::flash_range_erase::ptr(),
        write: rom_data::flash_range_program::ptr(),
        flush: rom_data::flash_flush_cache::ptr(),
    };
    // the second stage of booting sets flash up again, from memory
    let mut boot = [0_u32; 64];
    for (word, address) in boot.iter_mut().zip((MAPPED as usize..).step_by(4)) {
        // SAFETY: within flash; volatile, so that the compiler calls no copy that it may have placed there.
        *word = unsafe { ptr::with_exposed_provenance::<u32>(address).read_volatile() };
    }
    critical_section::with(|_| from_memory(&rom, work, &boot));
}

/// Lies in memory, and calls nothing but the ROM and the copy of the second stage.
#[inline(never)]
#[unsafe(link_section = ".data.without_flash")]
fn from_memory(rom: &Rom, work: Work, boot: &[u32; 64]) {
    // SAFETY: the ROM's order of calls (2.8.3.1.3); the range is whole sectors or a page in the last 32 KiB, and nothing
    // reads flash before it is set up again: interrupts are off, and the other core was never started.
    unsafe {
        (rom.connect)();
        (rom.leave)();
        match work {
            Work::Erase { at, bytes } => (rom.erase)(at, bytes, BLOCK.0, BLOCK.1),
            Work::Write { at, page } => (rom.write)(at, page.as_ptr(), PAGE),
        }
        (rom.flush)();
    }
    // SAFETY: the second stage is code that may lie anywhere, of Thumb (hence the 1), and returns to whoever calls
    // it (datasheet, 2.8.2.1); it uses the registers of a C function.
    unsafe {
        asm!("blx {}", in(reg) boot.as_ptr().expose_provenance() | 1, clobber_abi("C"));
    }
}
