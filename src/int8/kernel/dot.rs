//! Sums of products: rows of weights with one input, four numbers a step.

#[cfg(arm_dsp)]
use super::super::dsp::{add_products, even, odd};

/// Four neighbours of an input, to be multiplied with those of several rows.
#[derive(Clone, Copy)]
struct Four {
    #[cfg(arm_dsp)]
    pairs: [u32; 2],
    #[cfg(not(arm_dsp))]
    numbers: [i32; 4],
}

#[cfg(arm_dsp)]
impl Four {
    #[inline(always)]
    fn of(x: &[i8; 4]) -> Self {
        let x = u32::from_le_bytes(x.map(i8::cast_unsigned));
        Self { pairs: [even(x), odd(x)] }
    }

    /// `sum` and the products with four weights.
    #[inline(always)]
    fn add(self, w: &[i8; 4], sum: i32) -> i32 {
        let w = u32::from_le_bytes(w.map(i8::cast_unsigned));
        let [x_even, x_odd] = self.pairs;
        add_products(odd(w), x_odd, add_products(even(w), x_even, sum))
    }
}

#[cfg(not(arm_dsp))]
impl Four {
    #[inline(always)]
    fn of(x: &[i8; 4]) -> Self {
        Self { numbers: x.map(i32::from) }
    }

    /// `sum` and the products with four weights.
    #[inline(always)]
    fn add(self, w: &[i8; 4], sum: i32) -> i32 {
        let products = self.numbers.iter().zip(w).map(|(x, w)| x * i32::from(*w));
        products.fold(sum, i32::wrapping_add)
    }
}

/// Σ w x of one row.
#[inline(always)]
pub(super) fn dot(w: &[i8], x: &[i8]) -> i32 {
    let ((w, w_ones), (x, x_ones)) = (w.as_chunks(), x.as_chunks());
    let sum = x.iter().zip(w).fold(0, |sum, (x, w)| Four::of(x).add(w, sum));
    let ones = x_ones.iter().zip(w_ones);
    ones.fold(sum, |sum, (x, w)| sum.wrapping_add(i32::from(*x) * i32::from(*w)))
}

/// Σ w x of four rows, of which four numbers of each follow each other, and then one of each.
#[inline(always)]
pub(super) fn dots(w: &[i8], x: &[i8]) -> [i32; 4] {
    let (w, w_ones) = w.as_chunks::<4>().0.as_chunks::<4>();
    let (x, x_ones) = x.as_chunks();
    let [mut p, mut q, mut r, mut s] = [0; 4];
    for (x, [a, b, c, d]) in x.iter().zip(w) {
        let x = Four::of(x);
        (p, q, r, s) = (x.add(a, p), x.add(b, q), x.add(c, r), x.add(d, s));
    }
    let one = |sum: i32, x: &i8, w: &i8| sum.wrapping_add(i32::from(*x) * i32::from(*w));
    for (x, [a, b, c, d]) in x_ones.iter().zip(w_ones) {
        (p, q, r, s) = (one(p, x, a), one(q, x, b), one(r, x, c), one(s, x, d));
    }
    [p, q, r, s]
}
