//! The CRC-64/XZ of numbers, little-endian: equal fingerprints mean equal bits.

use crate::{Board, print};

pub fn fingerprint<B: Board>(name: &str, values: &[f32]) {
    let crc = crc::Crc::<u64, crc::NoTable>::new(&crc::CRC_64_XZ);
    let mut digest = crc.digest();
    for value in values {
        digest.update(&value.to_le_bytes());
    }
    print::<B>(format_args!("fingerprint {name} {:016x}\n", digest.finalize()));
}
