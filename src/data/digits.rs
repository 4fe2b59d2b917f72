//! 1,797 handwritten digits of 8×8 pixels, 0..=16 each, packed without loss into 49,594 bytes.
//!
//! The test part of: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
//! Learning Repository, 1998, doi 10.24432/C50P49, CC BY 4.0 (see `ATTRIBUTION.md` beside this file).
//!
//! Half of all pixels are 0. So an image is a mask of 64 bits, one for each pixel that has ink, then
//! the value − 1 of those pixels, two to a byte; `make_digits.py` tells the layout and made the file.
//! The bytes are a static that nothing writes to: firmware keeps them in flash, and an image takes
//! memory only while it is looked at. A program that reads no digit has none of them.
//!
//! ```
//! # use idinit::data::digits::{TRAIN, image, train};
//! let mut x = [0.0; 64];
//! for k in 0..TRAIN {
//!     let label = image(train(k), &mut x).unwrap();
//!     assert!(label < 10);
//! }
//! ```

static PACKED: [u8; 49_594] = *include_bytes!("digits.bin");

/// How many images there are.
pub const LEN: usize = 1797;
/// How many of them are to be learnt from, see [`train()`].
pub const TRAIN: usize = LEN - TEST;
/// How many of them are held back, see [`test()`].
pub const TEST: usize = LEN / 5;

/// The mean of all pixels, to three places.
pub const MEAN: f32 = 4.884;
/// The standard deviation of all pixels, to three places.
pub const STD: f32 = 6.017;

/// A pixel's value by its ink: (ink − [`MEAN`]) / [`STD`], rounded to f32 after either operation.
const STANDARD: [f32; 17] = {
    let mut values = [0.0; 17];
    let mut ink = 0;
    while ink < 17 {
        values[ink] = (ink as f32 - MEAN) / STD;
        ink += 1;
    }
    values
};

/// The place of training image `k`, for `k` below [`TRAIN`]: four of every five images.
///
/// The images lie writer by writer, so every writer is in both parts.
pub const fn train(k: usize) -> usize {
    k.saturating_add(k / 4)
}

/// The place of test image `k`, for `k` below [`TEST`]: every fifth image.
pub const fn test(k: usize) -> usize {
    k.saturating_mul(5).saturating_add(4)
}

/// Writes image `i`, row by row and standardised, to `x` and returns its label, 0..=9; `None` from
/// [`LEN`] on, and `x` is as it was.
///
/// A pixel is ([its value](pixels) − [`MEAN`]) / [`STD`], each operation rounded to f32, so the 17
/// possible numbers have the same bits on every machine.
pub fn image(i: usize, x: &mut [f32; 64]) -> Option<u32> {
    let (label, inks) = unpack(i)?;
    for (x, ink) in x.iter_mut().zip(inks) {
        *x = STANDARD.get(usize::from(ink)).copied().unwrap_or(0.0);
    }
    Some(label)
}

/// Writes image `i` as it was scanned, 0 (paper) to 16 (ink), row by row, to `x` and returns its
/// label; `None` from [`LEN`] on, and `x` is as it was.
pub fn pixels(i: usize, x: &mut [u8; 64]) -> Option<u32> {
    let (label, inks) = unpack(i)?;
    for (x, ink) in x.iter_mut().zip(inks) {
        *x = ink;
    }
    Some(label)
}

/// The label of image `i` and its pixels.
fn unpack(i: usize) -> Option<(u32, impl Iterator<Item = u8>)> {
    if i >= LEN {
        return None;
    }
    let start = u16::from_le_bytes(*PACKED.get(2 * i..)?.first_chunk()?);
    let label = *PACKED.get(2 * LEN + i)?;
    let code = PACKED.get(3 * LEN + usize::from(start)..)?;

    let (mask, values) = code.split_first_chunk()?;
    let mut mask = u64::from_le_bytes(*mask);
    let mut nibbles = values.iter().flat_map(|pair| [pair & 15, pair >> 4]);
    let inks = core::iter::repeat_with(move || {
        let inked = mask & 1 == 1;
        mask >>= 1;
        if inked { nibbles.next().unwrap_or(0) + 1 } else { 0 }
    });
    Some((u32::from(label), inks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = (u32, [u8; 64])> {
        let mut x = [0; 64];
        (0..LEN).map(move |i| (pixels(i, &mut x).unwrap(), x))
    }

    #[test]
    fn the_first_image_is_a_zero() {
        let mut x = [0; 64];
        assert_eq!(pixels(0, &mut x), Some(0));
        #[rustfmt::skip]
        assert_eq!(x, [
            0, 0,  5, 13,  9,  1, 0, 0,
            0, 0, 13, 15, 10, 15, 5, 0,
            0, 3, 15,  2,  0, 11, 8, 0,
            0, 4, 12,  0,  0,  8, 8, 0,
            0, 5,  8,  0,  0,  9, 8, 0,
            0, 4, 11,  0,  1, 12, 7, 0,
            0, 2, 14,  5, 10, 12, 0, 0,
            0, 0,  6, 13, 10,  0, 0, 0,
        ]);
    }

    #[test]
    fn every_class_has_its_count() {
        let mut counts = [0; 10];
        for (label, _) in all() {
            counts[label as usize] += 1;
        }
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn every_pixel_is_the_originals() {
        // FNV-1a over the rows of the original file, label after pixels, computed by another program.
        let hash = all().fold(0xcbf2_9ce4_8422_2325_u64, |hash, (label, x)| {
            x.into_iter()
                .chain([label as u8])
                .fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
        });
        assert_eq!(hash, 0x7768_69cc_e379_5967);
    }

    #[test]
    fn mean_and_deviation_are_the_published() {
        let n = (64 * LEN) as f64;
        let sum = |f: fn(f64) -> f64| all().flat_map(|(_, x)| x).map(|v| f(v.into())).sum::<f64>();
        let mean = sum(|v| v) / n;
        let variance = sum(|v| v * v) / n - mean * mean;
        assert!((mean - f64::from(MEAN)).abs() < 5e-4, "{mean}");
        assert!((variance - f64::from(STD * STD)).abs() < 5e-3, "{variance}");
    }

    #[test]
    fn a_standardised_pixel_is_its_value_less_the_mean_by_the_deviation() {
        let (mut raw, mut x) = ([0; 64], [f32::NAN; 64]);
        for i in 0..LEN {
            assert_eq!(pixels(i, &mut raw), image(i, &mut x));
            assert!(raw.iter().zip(&x).all(|(&ink, &x)| x == (f32::from(ink) - 4.884) / 6.017));
        }
    }

    #[test]
    fn the_two_parts_share_nothing_and_leave_nothing() {
        let mut seen = [0; LEN];
        (0..TRAIN).map(train).chain((0..TEST).map(test)).for_each(|i| seen[i] += 1);
        assert_eq!(seen, [1; LEN]);
        assert_eq!((TRAIN, TEST), (1438, 359));
    }

    #[test]
    fn past_the_end_there_is_none() {
        let mut x = [7; 64];
        for i in [LEN, train(TRAIN), test(TEST), train(usize::MAX), test(usize::MAX)] {
            assert_eq!(pixels(i, &mut x), None);
        }
        assert_eq!(x, [7; 64]);
    }
}
