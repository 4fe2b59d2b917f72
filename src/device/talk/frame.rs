//! Frames: what stands between two zeros on the line, and whether all of it came.
//!
//! A frame is COBS (Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on
//! Networking 7(2), 1999) of a body and its CRC-32, and a zero. Since no other byte is zero, who reads
//! garbage is right again behind the next one.

use cobs::{DecodeResult, DecoderState, EncoderState, PushResult};
use crc::{CRC_32_ISO_HDLC, Crc, Table};
use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// A line is slower than a checksum without a table.
static ALGORITHM: Crc<u32, Table<0>> = Crc::<u32, Table<0>>::new(&CRC_32_ISO_HDLC);

/// Bytes of the checksum.
const SUM: usize = 4;

/// The CRC-32 of bytes, as Ethernet, zlib and Python's `binascii.crc32` have it.
pub fn checksum(bytes: &[u8]) -> u32 {
    ALGORITHM.checksum(bytes)
}

/// The CRC-32 of numbers, as their bytes in little-endian.
pub fn checksum_of(numbers: &[f32]) -> u32 {
    numbers.iter().fold(0, |sum, number| go_on(sum, &number.to_bits().to_le_bytes()))
}

/// The checksum of what a checksum is of, and of these bytes behind it.
fn go_on(sum: u32, bytes: &[u8]) -> u32 {
    // a digest of the crate's would carry a pointer, behind which no compiler sees the polynomial
    let mut digest = ALGORITHM.digest_with_initial((!sum).reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

/// How many bytes a chunk has at most where frames have `frame` on the line: a multiple of 4.
///
/// Beside the chunk, there are up to 2 bytes of the counter and the message's number, 5 of the place, 3 of
/// the length, 4 of the checksum, the zero, and a byte of COBS for each 254 begun.
pub const fn chunk(frame: usize) -> usize {
    frame.saturating_sub(16 + frame / 254) / 4 * 4
}

/// Writes bytes into a frame, one by one.
struct Framer<'a> {
    out: &'a mut [u8],
    len: usize,
    cobs: EncoderState,
    sum: u32,
}

impl<'a> Framer<'a> {
    fn new(out: &'a mut [u8]) -> Self {
        // the first byte is the place of COBS's first distance
        Self { out, len: 1, cobs: EncoderState::default(), sum: 0 }
    }

    fn set(&mut self, at: usize, byte: u8) -> postcard::Result<()> {
        *self.out.get_mut(at).ok_or(postcard::Error::SerializeBufferFull)? = byte;
        Ok(())
    }

    fn stuff(&mut self, byte: u8) -> postcard::Result<()> {
        match self.cobs.push(byte) {
            PushResult::AddSingle(byte) => self.set(self.len, byte)?,
            PushResult::ModifyFromStartAndSkip((at, distance)) => self.set(at, distance)?,
            PushResult::ModifyFromStartAndPushAndSkip((at, distance, byte)) => {
                self.set(at, distance)?;
                self.set(self.len, byte)?;
                self.len = self.len.saturating_add(1);
            }
        }
        self.len = self.len.saturating_add(1);
        Ok(())
    }
}

impl Flavor for Framer<'_> {
    /// Bytes of the frame.
    type Output = usize;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.sum = go_on(self.sum, &[byte]);
        self.stuff(byte)
    }

    fn finalize(mut self) -> postcard::Result<usize> {
        for byte in self.sum.to_le_bytes() {
            self.stuff(byte)?;
        }
        let (at, distance) = self.cobs.clone().finalize();
        self.set(at, distance)?;
        self.set(self.len, 0)?;
        Ok(self.len.saturating_add(1))
    }
}

/// Writes a frame: `first`, the message, their checksum; and returns how many bytes it has on the line.
///
/// # Errors
/// Those of postcard, where it does not fit.
pub fn write<T: Serialize>(first: u8, message: &T, out: &mut [u8]) -> postcard::Result<usize> {
    let mut framer = Framer::new(out);
    framer.try_push(first)?;
    postcard::serialize_with_flavor(message, framer)
}

/// Collects bytes of a line until a frame is whole. It has room for frames of up to `N` bytes on the line.
#[derive(Debug)]
pub struct Receiver<const N: usize> {
    body: [u8; N],
    len: usize,
    cobs: DecoderState,
    /// Bytes that are left out up to the next zero.
    spoilt: bool,
    damaged: u32,
}

impl<const N: usize> Default for Receiver<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Receiver<N> {
    /// Nothing came yet.
    pub const fn new() -> Self {
        Self { body: [0; N], len: 0, cobs: DecoderState::Idle, spoilt: false, damaged: 0 }
    }

    /// Takes a byte of the line. A frame that is whole and sound lies in [`body`](Self::body) until the
    /// next byte.
    pub fn push(&mut self, byte: u8) -> bool {
        if matches!(self.cobs, DecoderState::Idle) {
            self.len = 0;
        }
        let whole = match self.cobs.feed(byte) {
            Ok(DecodeResult::NoData) => None,
            Ok(DecodeResult::DataContinue(byte)) => {
                match self.body.get_mut(self.len) {
                    Some(place) => {
                        *place = byte;
                        self.len += 1;
                    }
                    None => self.spoilt = true,
                }
                None
            }
            Ok(DecodeResult::DataComplete) => Some(!self.spoilt && self.is_sound()),
            // a zero that came too early
            Err(_) => Some(false),
        };
        if byte == 0 {
            self.spoilt = false;
        }
        self.damaged = self.damaged.wrapping_add(u32::from(whole == Some(false)));
        whole == Some(true)
    }

    fn is_sound(&self) -> bool {
        let all = self.body.get(..self.len).unwrap_or_default();
        let Some((body, sum)) = all.split_last_chunk::<SUM>() else { return false };
        checksum(body) == u32::from_le_bytes(*sum)
    }

    /// The body of the frame that was told to be whole: the first byte, and the message.
    pub fn body(&self) -> Option<(u8, &[u8])> {
        let body = self.body.get(..self.len.checked_sub(SUM)?)?;
        body.split_first().map(|(first, message)| (*first, message))
    }

    /// The line has lost something: what came of this frame is of no use.
    pub const fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// How many frames were damaged.
    pub const fn damaged(&self) -> u32 {
        self.damaged
    }
}
