//! Weights turned for the products, and the sums of products folded into gradients of weights.

use super::Pass;
use super::pictures::{at, put};
use crate::layer::conv2d::tile::Packing;
use pulp::{Simd, WithSimd};

/// Weights turned by G g Gᵀ, place after place, where `tap` says where a weight lies.
pub(super) struct Pack<'a, F> {
    pub pass: Pass,
    pub w: &'a [f32],
    pub packed: &'a mut [f32],
    pub tap: F,
}

impl<F: Fn(usize, usize, usize) -> usize> WithSimd for Pack<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { pass, w, packed, tap } = self;
        let (inp, out) = (pass.x.channels, pass.y.channels);
        let packing = Packing::new::<S>(inp, out);
        let (len, width) = (packing.len(), packing.width);
        for c in 0..inp {
            for o in 0..out {
                let at = (o / width * inp + c) * width + o % width;
                let g = |i: usize| w.get(tap(c, o, i)).copied().unwrap_or_default();
                let [a, b, c] = [0, 1, 2].map(|i| along([g(3 * i), g(3 * i + 1), g(3 * i + 2)]));
                for (j, ((a, b), c)) in a.into_iter().zip(b).zip(c).enumerate() {
                    for (i, weight) in along([a, b, c]).into_iter().enumerate() {
                        put(packed, (4 * i + j) * len + at, weight);
                    }
                }
            }
        }
    }
}

/// G g.
#[inline(always)]
fn along([a, b, c]: [f32; 3]) -> [f32; 4] {
    let (even, odd) = (0.5 * (a + c), 0.5 * b);
    [a, even + odd, even - odd, c]
}

/// Sums of places folded into those of taps, Gᵀ s G.
pub(super) struct Fold<'a> {
    pub pass: Pass,
    pub places: &'a [f32],
    pub sums: &'a mut [f32],
}

impl WithSimd for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pass, places, sums } = self;
        let (inp, out) = (pass.x.channels, pass.y.channels);
        let from = Packing::new::<S>(inp, out);
        let (places, _) = S::as_simd_f32s(places);
        let (sums, _) = S::as_mut_simd_f32s(sums);
        let zero = simd.splat_f32s(0.0);
        let step = from.len() / S::F32_LANES;
        let vectors = from.vectors;
        for block in 0..out.div_ceil(from.width) {
            for row in 0..inp * vectors {
                let first = block * inp * vectors + row;
                let mut rows = [[zero; 3]; 4];
                for (i, row) in rows.iter_mut().enumerate() {
                    let place = first + 4 * i * step;
                    let s = [
                        at(places, place, zero),
                        at(places, place + step, zero),
                        at(places, place + 2 * step, zero),
                        at(places, place + 3 * step, zero),
                    ];
                    *row = fold(simd, s);
                }
                // the biases have a row behind those of the taps
                let start = block * (9 * inp + 1) * vectors + row;
                let [p, q, r, s] = rows;
                for (j, (((p, q), r), s)) in p.into_iter().zip(q).zip(r).zip(s).enumerate() {
                    for (i, sum) in fold(simd, [p, q, r, s]).into_iter().enumerate() {
                        if let Some(to) = sums.get_mut(start + (3 * i + j) * inp * vectors) {
                            *to = simd.add_f32s(*to, sum);
                        }
                    }
                }
            }
        }
    }
}

/// Gᵀ s.
#[inline(always)]
fn fold<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 3] {
    let half = simd.splat_f32s(0.5);
    let even = simd.mul_f32s(half, simd.add_f32s(b, c));
    let odd = simd.mul_f32s(half, simd.sub_f32s(b, c));
    [simd.add_f32s(a, even), odd, simd.add_f32s(even, d)]
}
