//! Bytes of a fuzzer, read as numbers.

use idinit::recipe::Fingerprint;

/// Bytes that are read from their start; zeros behind their end.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut all = [0; N];
        let len = N.min(self.0.len());
        let (first, rest) = self.0.split_at(len);
        all[..len].copy_from_slice(first);
        self.0 = rest;
        all
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// A float of any bits.
    pub fn float(&mut self) -> f32 {
        f32::from_le_bytes(self.array())
    }
}

/// Puts the checksum of all bytes before the last eight there, where there are so many.
pub fn seal(bytes: &mut [u8]) {
    if let Some((body, sum)) = bytes.split_last_chunk_mut() {
        *sum = Fingerprint::of_bytes(body).0.to_le_bytes();
    }
}

/// The bits of numbers, which tell all of them apart.
pub fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
