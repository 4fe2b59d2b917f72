//! What says that a generation is whole: written last, behind all of its delta.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `IDKEEP`, two bytes of version |
//! | 4 | generation, from 1 on |
//! | 2 | how many chunks the delta has |
//! | 2 | how many numbers are kept beside |
//! | 4 | bytes of the delta |
//! | 8 + 8 | fingerprints of the start and of what the delta makes of it |
//! | 8 + 8 + 8 | steps, labels, labels that were told right |
//! | 4 each | the numbers |
//! | 8 | CRC-64 of all of the above |
//!
//! All are little-endian.

use super::super::learn::Counters;
use crate::recipe::{Digest, Fingerprint};

const MAGIC: [u8; 8] = *b"IDKEEP\x01\x00";

/// Bytes beside the numbers.
pub(super) const BARE: usize = 68;

/// A record without its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record {
    pub generation: u32,
    pub chunks: u16,
    pub numbers: u16,
    pub bytes: u32,
    pub start: Fingerprint,
    pub result: Fingerprint,
    pub counters: Counters,
}

/// Bytes that are written or read one after the other.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

impl Record {
    /// Writes the record with its numbers, and returns its bytes; none where there is no room.
    pub fn write<'a>(&self, numbers: &[f32], room: &'a mut [u8]) -> Option<&'a [u8]> {
        let len = BARE + 4 * numbers.len();
        let bytes = room.get_mut(..len)?;
        let Counters { steps, labels, right } = self.counters;
        let fixed = MAGIC
            .into_iter()
            .chain(self.generation.to_le_bytes())
            .chain(self.chunks.to_le_bytes())
            .chain(self.numbers.to_le_bytes())
            .chain(self.bytes.to_le_bytes())
            .chain(self.start.0.to_le_bytes())
            .chain(self.result.0.to_le_bytes())
            .chain([steps, labels, right].into_iter().flat_map(u64::to_le_bytes));
        let all = fixed.chain(numbers.iter().flat_map(|number| number.to_bits().to_le_bytes()));
        bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
        let (body, sum) = bytes.split_at_mut_checked(len - 8)?;
        let check = Fingerprint::of_bytes(body).0.to_le_bytes();
        sum.iter_mut().zip(check).for_each(|(place, byte)| *place = byte);
        Some(bytes)
    }

    /// Reads a record and the bytes of its numbers; none where it is none, or damaged.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (body, sum) = bytes.split_last_chunk()?;
        if Fingerprint::of_bytes(body).0 != u64::from_le_bytes(*sum) {
            return None;
        }
        let mut bytes = Bytes(body);
        if bytes.array()? != MAGIC {
            return None;
        }
        let record = Self {
            generation: bytes.array().map(u32::from_le_bytes)?,
            chunks: bytes.array().map(u16::from_le_bytes)?,
            numbers: bytes.array().map(u16::from_le_bytes)?,
            bytes: bytes.array().map(u32::from_le_bytes)?,
            start: Fingerprint(bytes.u64()?),
            result: Fingerprint(bytes.u64()?),
            counters: Counters { steps: bytes.u64()?, labels: bytes.u64()?, right: bytes.u64()? },
        };
        let whole = bytes.0.len() == 4 * usize::from(record.numbers);
        whole.then_some((record, bytes.0))
    }

    /// A checksum of all that is kept, but the generation.
    pub fn contents(&self, numbers: &[f32]) -> Fingerprint {
        let Self { start, result, counters: Counters { steps, labels, right }, .. } = self;
        let mut digest = Digest::new();
        for part in [start.0, result.0, *steps, *labels, *right] {
            digest.update_bytes(&part.to_le_bytes());
        }
        digest.update(numbers);
        digest.finish()
    }
}
