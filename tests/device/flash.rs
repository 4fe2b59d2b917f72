//! NOR flash in memory that is stricter than a real one, and whose power can be cut.
//!
//! Its unit of work is a word that is programmed, or a page that is erased. Power goes in the middle of a
//! unit: what the word or the page then holds is for the [`Tear`] to say. From there on everything fails
//! until the power is back.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use idinit::rule::philox;
use std::collections::BTreeMap;

/// Bytes of a word.
pub const WORD: usize = 4;
/// Bytes of a page.
pub const PAGE: usize = 256;

/// What a unit leaves behind in whose middle the power went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tear {
    /// Nothing: the words before it are written, it is not.
    Before,
    /// All: only the caller never hears of it.
    After,
    /// Half a word, or the first half of a page erased.
    Half,
    /// The second half of a page erased.
    Tail,
    /// All of the bits of a word that were to change; a page that is evened out before it is erased.
    Zeros,
    /// Any of the bits of a word that were to change. A page holds anything, or has any of its bits
    /// set, or its first bytes erased.
    Bits(u32),
}

/// Why the flash fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failed {
    Off,
    Refused(NorFlashErrorKind),
}

impl NorFlashError for Failed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

#[derive(Clone, Debug)]
pub struct Nor {
    pub bytes: Vec<u8>,
    /// Units that are done before the power goes.
    left: Option<(usize, Tear)>,
    off: bool,
    /// Units that were done, and whether each was an erasure.
    pub done: Vec<bool>,
    /// How often each page was erased.
    pub erased: Vec<u32>,
    /// Words that were programmed although they held something.
    pub again: u64,
    /// Words that are worn out, by where they are: they hold for ever what they hold, and nothing says so.
    pub worn: BTreeMap<usize, [u8; WORD]>,
}

impl Nor {
    pub fn new(pages: usize) -> Self {
        let bytes = vec![0xff; pages * PAGE];
        let (done, worn) = (vec![], BTreeMap::new());
        Self { bytes, left: None, off: false, done, erased: vec![0; pages], again: 0, worn }
    }

    /// Wears a word out.
    pub fn wear(&mut self, at: usize) {
        let word = self.bytes[at..].first_chunk().unwrap();
        self.worn.insert(at, *word);
    }

    /// Worn words are as they were.
    fn restore(&mut self) {
        for (at, word) in &self.worn {
            self.bytes[*at..][..WORD].copy_from_slice(word);
        }
    }

    pub fn len(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// The same flash, whose power goes in the unit behind so many.
    pub fn cut(&self, after: usize, tear: Tear) -> Self {
        let mut flash = self.clone();
        flash.cut_after(after, tear);
        flash
    }

    /// Power goes in the unit behind so many from now on.
    pub fn cut_after(&mut self, units: usize, tear: Tear) {
        self.left = Some((units, tear));
        self.done.clear();
    }

    /// Power is back.
    pub fn on(&mut self) {
        (self.left, self.off) = (None, false);
    }

    pub fn is_off(&self) -> bool {
        self.off
    }

    /// Counts a unit, and says how it is torn if the power goes in it.
    fn unit(&mut self, erases: bool) -> Option<Tear> {
        if let Some((left, tear)) = &mut self.left {
            if *left == 0 {
                self.off = true;
                return Some(*tear);
            }
            *left -= 1;
        }
        self.done.push(erases);
        None
    }

    fn powered(&self) -> Result<(), Failed> {
        if self.off { Err(Failed::Off) } else { Ok(()) }
    }
}

impl ErrorType for Nor {
    type Error = Failed;
}

impl ReadNorFlash for Nor {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        self.powered()?;
        check_read(self, offset, bytes.len()).map_err(Failed::Refused)?;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Nor {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        self.powered()?;
        check_write(self, offset, bytes.len()).map_err(Failed::Refused)?;
        for (at, word) in (offset as usize..).step_by(WORD).zip(bytes.chunks(WORD)) {
            let tear = self.unit(false);
            let there = &mut self.bytes[at..at + WORD];
            self.again += u64::from(there.iter().any(|byte| *byte != 0xff));
            let keep: [u8; WORD] = match tear {
                None | Some(Tear::After | Tear::Zeros) => [0; WORD],
                Some(Tear::Before) => [0xff; WORD],
                Some(Tear::Half) => [0, 0, 0xff, 0xff],
                Some(Tear::Tail) => [0xff, 0xff, 0, 0],
                Some(Tear::Bits(seed)) => philox([seed, at as u32, 0, 0], [3, 4])[0].to_le_bytes(),
            };
            for ((there, byte), keep) in there.iter_mut().zip(word).zip(keep) {
                *there &= byte | keep;
            }
            self.restore();
            if tear.is_some() {
                return Err(Failed::Off);
            }
        }
        Ok(())
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        self.powered()?;
        check_erase(self, from, to).map_err(Failed::Refused)?;
        for at in (from as usize..to as usize).step_by(PAGE) {
            let tear = self.unit(true);
            self.erased[at / PAGE] += 1;
            let page = &mut self.bytes[at..at + PAGE];
            match tear {
                None | Some(Tear::After) => page.fill(0xff),
                Some(Tear::Before) => {}
                Some(Tear::Zeros) => page.fill(0),
                Some(Tear::Half) => page[..PAGE / 2].fill(0xff),
                Some(Tear::Tail) => page[PAGE / 2..].fill(0xff),
                Some(Tear::Bits(seed)) => {
                    let [kind, edge, ..] = philox([seed, at as u32, 0, 0], [5, 6]);
                    let random = |i: usize| philox([seed, i as u32, 1, 0], [5, 6])[0] as u8;
                    let bytes = page.iter_mut().enumerate();
                    match kind % 3 {
                        0 => bytes.for_each(|(i, byte)| *byte = random(i)),
                        1 => bytes.for_each(|(i, byte)| *byte |= random(i)),
                        _ => page[..edge as usize % PAGE].fill(0xff),
                    }
                }
            }
            self.restore();
            if tear.is_some() {
                return Err(Failed::Off);
            }
        }
        Ok(())
    }
}
