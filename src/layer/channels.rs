//! Loops over pixels with a few vectors of channels abreast, whose constants stay in registers.

use pulp::Simd;

/// Runs of channels: the first of each, its vectors (1, 2 or 4), and how many channels are real.
pub(super) fn blocks<S: Simd>(channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let lanes = S::F32_LANES;
    let mut first = 0;
    core::iter::from_fn(move || {
        let vectors = match (channels - first) / lanes {
            0 if first == channels => return None,
            0 | 1 => 1,
            2 | 3 => 2,
            _ => 4,
        };
        let at = first;
        first = channels.min(first + vectors * lanes);
        Some((at, vectors, first - at))
    })
}

/// The channels of one block of one pixel; in a block that is `WHOLE`, every channel is real.
///
/// No closure here: the compiler gives closures the vectors of no particular processor.
#[inline(always)]
pub(super) fn load<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    pixel: &[f32],
) -> [S::f32s; V] {
    let mut vectors = [simd.splat_f32s(0.0); V];
    if WHOLE {
        if let Some(whole) = S::as_simd_f32s(pixel).0.first_chunk::<V>() {
            vectors = *whole;
        }
    } else {
        for (vector, numbers) in vectors.iter_mut().zip(pixel.chunks(S::F32_LANES)) {
            *vector = simd.partial_load_f32s(numbers);
        }
    }
    vectors
}

/// Writes the channels of one block of one pixel.
#[inline(always)]
pub(super) fn store<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    pixel: &mut [f32],
    vectors: [S::f32s; V],
) {
    if WHOLE {
        if let Some(whole) = S::as_mut_simd_f32s(pixel).0.first_chunk_mut::<V>() {
            *whole = vectors;
        }
    } else {
        for (numbers, vector) in pixel.chunks_mut(S::F32_LANES).zip(vectors) {
            simd.partial_store_f32s(numbers, vector);
        }
    }
}

/// Calls a kernel with the vectors of a block, and whether it is whole, as constants.
macro_rules! with_block {
    ($simd:ty, $vectors:expr, $count:expr, $kernel:ident ( $($argument:expr),* )) => {
        match ($vectors, $count == $vectors * <$simd>::F32_LANES) {
            (1, true) => $kernel::<$simd, 1, true>($($argument),*),
            (2, true) => $kernel::<$simd, 2, true>($($argument),*),
            (_, true) => $kernel::<$simd, 4, true>($($argument),*),
            (1, false) => $kernel::<$simd, 1, false>($($argument),*),
            (2, false) => $kernel::<$simd, 2, false>($($argument),*),
            (_, false) => $kernel::<$simd, 4, false>($($argument),*),
        }
    };
}
pub(super) use with_block;

/// max(0, x), by which NaN stays NaN.
#[inline(always)]
pub(super) fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_or_equal_f32s(x, zero), zero, x)
}

/// Where y is positive, dy, and else 0.
#[inline(always)]
pub(super) fn mask<S: Simd>(simd: S, dy: S::f32s, y: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_f32s(zero, y), dy, zero)
}
