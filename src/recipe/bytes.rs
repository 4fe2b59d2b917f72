//! The compact form: how it is written into a buffer of fixed size and read again.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the version, 1 |
//! | 1 | the model, a place in the list of models |
//! | … | what is said of it: for each a byte, its place in the list of settings counted from 1, then its value |
//! | 1 | the scheme, 128 + its place in the list of schemes |
//! | … | what is said of it, as of the model |
//! | 8 | CRC-64/XZ of all before, little-endian |
//!
//! A whole number is written in groups of seven bits, the lowest first, each but the last with its
//! eighth bit set; a list is its length and its numbers; sizes are how many there are, the sizes and
//! the groups; a real number is an f32, little-endian; a word is its place in its list; yes is 1.

use super::RecipeError;
use super::value::{Counts, Sizes, Value};
use super::words::{Key, Sort};

/// The most numbers in a list.
const MOST: u64 = 64;

/// A buffer that is written from its start.
pub(super) struct Writer<'a> {
    bytes: &'a mut [u8],
    pub len: usize,
}

impl<'a> Writer<'a> {
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }

    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub fn byte(&mut self, byte: u8) -> Result<(), RecipeError> {
        let room = self.bytes.len();
        let place = self.bytes.get_mut(self.len).ok_or(RecipeError::Long { room })?;
        *place = byte;
        self.len += 1;
        Ok(())
    }

    pub fn all(&mut self, bytes: &[u8]) -> Result<(), RecipeError> {
        bytes.iter().try_for_each(|byte| self.byte(*byte))
    }

    pub fn count(&mut self, mut count: u64) -> Result<(), RecipeError> {
        while count >= 0x80 {
            self.byte(count as u8 | 0x80)?;
            count >>= 7;
        }
        self.byte(count as u8)
    }

    /// The value that a text says, or none if it says nothing of this sort.
    pub fn text(&mut self, sort: Sort, text: &str) -> Result<Option<()>, RecipeError> {
        match sort {
            Sort::Count => match whole(text) {
                Some(count) => self.count(count).map(Some),
                None => Ok(None),
            },
            Sort::Real => match text.parse().ok().filter(|real: &f32| real.is_finite()) {
                Some(real) => self.real(real).map(Some),
                None => Ok(None),
            },
            Sort::Flag => match text {
                "no" => self.byte(0).map(Some),
                "yes" => self.byte(1).map(Some),
                _ => Ok(None),
            },
            Sort::Word(words) => match words.iter().position(|word| *word == text) {
                Some(place) => self.byte(place as u8).map(Some),
                None => Ok(None),
            },
            Sort::Counts => self.list(text, ','),
            Sort::Sizes => {
                let (sizes, groups) = text.split_once('g').unwrap_or((text, "1"));
                match (whole(groups), self.list(sizes, 'x')?) {
                    (Some(groups), Some(())) => self.count(groups).map(Some),
                    _ => Ok(None),
                }
            }
        }
    }

    pub fn real(&mut self, real: f32) -> Result<(), RecipeError> {
        // 0 has one form
        self.all(&(real + 0.0).to_bits().to_le_bytes())
    }

    fn list(&mut self, text: &str, between: char) -> Result<Option<()>, RecipeError> {
        let numbers = || text.split(between).map(whole);
        let count = numbers().count() as u64;
        if count > MOST || numbers().any(|number| number.is_none()) {
            return Ok(None);
        }
        self.count(count)?;
        for number in numbers().flatten() {
            self.count(number)?;
        }
        Ok(Some(()))
    }
}

/// A whole number, written as the form writes it: no sign, no zero in front.
fn whole(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    if canonical { text.parse().ok() } else { None }
}

/// Bytes that are read from their start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn count(&mut self) -> Option<u64> {
        let (mut count, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // ten groups hold 64 bits; a last group of zeros would be a second form of the number
            if shift == 63 && bits > 1 || shift > 63 || (bits == 0 && byte < 0x80 && shift > 0) {
                return None;
            }
            count |= bits << shift;
            if byte < 0x80 {
                return Some(count);
            }
            shift += 7;
        }
    }

    fn real(&mut self) -> Option<f32> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let real = f32::from_bits(u32::from_le_bytes(*first));
        (real.is_finite() && real.to_bits() != (-0.0f32).to_bits()).then_some(real)
    }

    /// Numbers with their count before them.
    fn list(&mut self) -> Option<Counts<'a>> {
        let len = self.count().filter(|len| (1..=MOST).contains(len))?;
        let list = Counts { rest: *self, len: len as usize };
        for _ in 0..len {
            self.count()?;
        }
        Some(list)
    }

    pub fn value(&mut self, sort: Sort) -> Option<Value<'a>> {
        Some(match sort {
            Sort::Count => Value::Count(self.count()?),
            Sort::Counts => Value::Counts(self.list()?),
            Sort::Real => Value::Real(self.real()?),
            Sort::Word(words) => Value::Word(words.get(usize::from(self.byte()?))?),
            Sort::Flag => Value::Flag(match self.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            }),
            Sort::Sizes => {
                let sizes = self.list()?;
                Value::Sizes(Sizes { sizes, groups: self.count()? })
            }
        })
    }

    /// What is said next, of a list of what can be said: its place in the list, and its value.
    pub fn said(&mut self, keys: &'static [Key]) -> Option<(usize, Value<'a>)> {
        let place = usize::from(self.byte()?).checked_sub(1)?;
        let value = self.value(keys.get(place)?.sort)?;
        Some((place, value))
    }
}
