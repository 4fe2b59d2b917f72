//! A checksum of numbers: CRC-64/XZ over their bytes, little-endian, so that it is the same on every
//! machine.

use crate::init::{Initial, Scheme, Tensor};
use crate::layer::Uses;
use crate::rule::LengthError;
use core::fmt;
use crc::{CRC_64_XZ, Crc, Table};

/// A microcontroller keeps no table: 2 KB of flash are more than the time that it saves is worth.
#[cfg(not(feature = "std"))]
type Lanes = Table<0>;
#[cfg(feature = "std")]
type Lanes = Table<16>;

static ALGORITHM: Crc<u64, Lanes> = Crc::<u64, Lanes>::new(&CRC_64_XZ);

/// The CRC-64/XZ of numbers in f32. It prints as 16 hexadecimal digits.
///
/// ```
/// use idinit::recipe::Fingerprint;
/// assert_eq!(Fingerprint::of(&[1.0, -2.5]).to_string(), "43e3f060afb7fa77");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The checksum of some numbers.
    pub fn of(numbers: &[f32]) -> Self {
        let mut digest = Digest::new();
        digest.update(numbers);
        digest.finish()
    }

    /// The checksum of initial weights that are stored nowhere, by way of a page of any size from
    /// one number on.
    ///
    /// # Errors
    /// A [`LengthError`] where a weight can only be written whole, and is longer than the page.
    pub fn of_initial<S: Scheme, L: Uses>(
        initial: &Initial<'_, S, L>,
        page: &mut [f32],
    ) -> Result<Self, LengthError> {
        let mut digest = Digest::new();
        for tensor in initial.tensors() {
            digest.take(initial, &tensor, page)?;
        }
        Ok(digest.finish())
    }

    /// The checksum of one of these weights.
    ///
    /// # Errors
    /// As of [`of_initial`](Self::of_initial).
    pub fn of_tensor<S: Scheme, L: Uses>(
        initial: &Initial<'_, S, L>,
        tensor: &Tensor<'_>,
        page: &mut [f32],
    ) -> Result<Self, LengthError> {
        let mut digest = Digest::new();
        digest.take(initial, tensor, page)?;
        Ok(digest.finish())
    }

    /// The checksum of bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut digest = Digest::new();
        digest.update_bytes(bytes);
        digest.finish()
    }
}

/// A checksum in the making, of numbers that come by and by.
///
/// ```
/// use idinit::recipe::{Digest, Fingerprint};
/// let mut digest = Digest::new();
/// digest.update(&[1.0]);
/// digest.update(&[-2.5]);
/// assert_eq!(digest.finish(), Fingerprint::of(&[1.0, -2.5]));
/// ```
#[derive(Clone)]
pub struct Digest {
    /// The checksum of all that came.
    sum: u64,
}

impl Digest {
    /// The checksum of nothing yet.
    #[expect(clippy::new_without_default, reason = "a digest of nothing is nobody's default")]
    pub fn new() -> Self {
        Self { sum: ALGORITHM.checksum(&[]) }
    }

    /// Takes numbers in.
    pub fn update(&mut self, numbers: &[f32]) {
        let bytes = |number: &f32| number.to_bits().to_le_bytes();
        if cfg!(feature = "std") {
            // as many bytes at a time as the tables have lanes, twice
            let (eights, rest) = numbers.as_chunks::<8>();
            for eight in eights {
                self.update_bytes(eight.each_ref().map(bytes).as_flattened());
            }
            rest.iter().for_each(|number| self.update_bytes(&bytes(number)));
        } else {
            numbers.iter().for_each(|number| self.update_bytes(&bytes(number)));
        }
    }

    fn take<S: Scheme, L: Uses>(
        &mut self,
        initial: &Initial<'_, S, L>,
        tensor: &Tensor<'_>,
        page: &mut [f32],
    ) -> Result<(), LengthError> {
        let (len, size) = (tensor.part.dims.len(), page.len());
        let mut start = 0;
        while start < len {
            let window = page.get_mut(..size.min(len - start)).unwrap_or_default();
            if window.is_empty() {
                return Err(LengthError { need: len, got: 0 });
            }
            initial.fill(tensor, start, window)?;
            self.update(window);
            start += window.len();
        }
        Ok(())
    }

    /// Takes bytes in.
    pub fn update_bytes(&mut self, bytes: &[u8]) {
        // a digest of the crate's would carry a pointer, behind which no compiler sees the polynomial
        let mut digest = ALGORITHM.digest_with_initial((!self.sum).reverse_bits());
        digest.update(bytes);
        self.sum = digest.finalize();
    }

    /// The checksum of all that came.
    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.sum)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.clone().finish())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Fingerprint {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u64:016x}", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue of CRCs (reveng), and the bytes of numbers.
    #[test]
    fn known_answers() {
        assert_eq!(Fingerprint::of_bytes(b"123456789").0, 0x995d_c9bb_df19_39fa);
        let numbers: Vec<f32> = (0..1000).map(|i| i as f32 - 0.25).collect();
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!(Fingerprint::of(&numbers), Fingerprint::of_bytes(&bytes));
    }

    #[test]
    fn a_digest_takes_any_portions() {
        let numbers: Vec<f32> = (0..100).map(|i| i as f32).collect();
        for size in [1, 3, 16, 17, 100] {
            let mut digest = Digest::new();
            numbers.chunks(size).for_each(|some| digest.update(some));
            assert_eq!(digest.finish(), Fingerprint::of(&numbers));
        }
    }
}
