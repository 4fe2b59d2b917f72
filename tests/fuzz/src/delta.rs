//! Bytes that may be a delta.

use super::bytes::{bits, seal};
use idinit::recipe::{Delta, DeltaError, Fingerprint, Header, Kind};
use std::cell::Cell;

/// The most numbers that are read.
const MOST: u64 = 4096;

/// Bytes before the recipe, and of the numbers between it and the checksum of the header.
const FRONT: usize = 11;
const BEHIND: usize = 32;

/// Bytes as they are; then with a sound header; then, if their numbers can be read, with a sound end.
pub fn delta(data: &[u8]) {
    read(data, 64);
    let Some((mut bytes, end)) = mended(data) else { return };
    let read_in =
        |bytes: &[u8], page| read(bytes, page).map(|read| (read.used, bits(&read.weights)));
    let Some(Read { header, weights, used, .. }) = read(&bytes, 64) else {
        return assert_eq!(read_in(&bytes, 7), None);
    };
    assert_eq!(read_in(&bytes, 7), Some((used, bits(&weights))));

    let result = Fingerprint::of(&weights);
    bytes[end - 16..end - 8].copy_from_slice(&result.0.to_le_bytes());
    seal(&mut bytes[..end + 8]);
    bytes.truncate(used);
    bytes.extend([0; 8]);
    seal(&mut bytes);
    let again = read(&bytes, 64).unwrap();
    // the stated errors may be no numbers
    let said = |header: &Header| (header.kind, header.recipe, header.count, header.start);
    assert_eq!((said(&again.header), again.used), (said(&header), used));
    assert_eq!((again.header.result, bits(&again.weights)), (result, bits(&weights)));
    // or the range coder did not end where the numbers did
    let all = again.end == Ok(bytes.len());
    assert!(all || again.end == Err(DeltaError::Malformed), "{:?}", again.end);
}

/// A delta whose numbers were read.
struct Read {
    header: Header,
    weights: Vec<f32>,
    /// Bytes that header and numbers took.
    used: usize,
    /// What became of the end: bytes of all.
    end: Result<usize, DeltaError>,
}

/// Reads a delta onto the start that it says it is for, page by page; none where it cannot be read.
fn read(bytes: &[u8], page: usize) -> Option<Read> {
    let (used, missed) = (Cell::new(0), Cell::new(false));
    let source = core::iter::from_fn(|| {
        let byte = bytes.get(used.get()).copied();
        used.set(used.get() + usize::from(byte.is_some()));
        missed.set(missed.get() || byte.is_none());
        byte
    });
    let sound = |result: Result<(), DeltaError>| {
        assert_eq!(result == Err(DeltaError::Truncated), missed.get(), "{result:?}");
        if let Err(error) = result {
            assert!(!error.to_string().is_empty());
        }
        result
    };
    let delta = Delta::<_>::open(source);
    sound(delta.as_ref().map(|_| ()).map_err(|error| *error)).ok()?;
    let delta = delta.ok()?;
    let header = *delta.header();
    if header.count > MOST {
        return None;
    }
    let mut weights = start(header.count);
    let patch = delta.onto(header.start, weights.len());
    sound(patch.as_ref().map(|_| ()).map_err(|error| *error)).ok()?;
    let mut patch = patch.ok()?;
    sound(weights.chunks_mut(page).try_for_each(|page| patch.apply(page))).ok()?;
    let numbers = used.get();
    let end = sound(patch.finish());
    if end.is_ok() {
        assert_eq!(Fingerprint::of(&weights), header.result);
    }
    Some(Read { header, weights, used: numbers, end: end.map(|()| used.get()) })
}

/// Zeros, ones and a few others.
fn start(count: u64) -> Vec<f32> {
    let number = |i: u64| match i % 5 {
        0 | 1 => 0.0,
        2 | 3 => 1.0,
        _ => f32::from_bits((i as u32).wrapping_mul(0x9e37_79b9)),
    };
    (0..count).map(number).collect()
}

/// The same bytes with a header that can be read, and where its numbers end.
fn mended(data: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut bytes = data.to_vec();
    let front = bytes.first_chunk_mut::<FRONT>()?;
    front[..8].copy_from_slice(b"IDDELTA\x01");
    front[8] %= Kind::ALL.len() as u8;
    if front[9] > 64 || front[10] > 0 {
        front[9..].fill(0);
    }
    let recipe = FRONT + usize::from(front[9]);
    let end = recipe + BEHIND;
    seal(bytes.get_mut(FRONT..recipe)?);
    let count = bytes.get_mut(recipe..)?.first_chunk_mut()?;
    *count = (u64::from_le_bytes(*count) % (MOST + 1)).to_le_bytes();
    seal(bytes.get_mut(..end + 8)?);
    Some((bytes, end))
}
