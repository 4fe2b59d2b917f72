//! A checksum of numbers: CRC-64/XZ over their bytes, little-endian, so that it is the same on every
//! machine.

use core::fmt;
use crc::{CRC_64_XZ, Crc};

const ALGORITHM: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

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
        let mut digest = ALGORITHM.digest();
        for number in numbers {
            digest.update(&number.to_bits().to_le_bytes());
        }
        Self(digest.finalize())
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
