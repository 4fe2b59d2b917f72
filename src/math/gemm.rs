//! Matrix products for the host engine: C = A B, or C += A B, by the crate `gemm`, in fixed parts.
//!
//! A large product is cut into parts of its rows or of its columns, by its sizes alone; each part is one
//! product on one thread, so that threads change no bit.

#![allow(unsafe_code)]

use rayon::prelude::*;

/// A matrix within a slice: number (i, j) lies at `i · steps[0] + j · steps[1]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub numbers: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub steps: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Rows that lie behind each other.
    pub const fn new(numbers: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { numbers, rows, columns, steps: [columns, 1] }
    }

    /// The matrix turned over.
    pub const fn transposed(self) -> Self {
        let [down, right] = self.steps;
        Self { rows: self.columns, columns: self.rows, steps: [right, down], ..self }
    }

    /// Whether every number lies within the slice.
    fn fits(&self) -> bool {
        let last = |count: usize, step: usize| count.checked_sub(1)?.checked_mul(step);
        let end = |a, b| last(self.rows, a)?.checked_add(last(self.columns, b)?);
        end(self.steps[0], self.steps[1]).is_some_and(|end| end < self.numbers.len())
    }
}

/// Products of fewer multiplications than this are not cut.
const PART: usize = 1 << 24;

/// Products of fewer multiplications than this are not worth the packing of their operands.
const FEW: usize = 1 << 14;

/// C = A B, or C += A B, one number after the other.
fn plain(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    let at = |matrix: &Matrix<'_>, i: usize, j: usize| {
        let place = i * matrix.steps[0] + j * matrix.steps[1];
        matrix.numbers.get(place).copied().unwrap_or_default()
    };
    for (i, row) in c.chunks_exact_mut(b.columns).enumerate() {
        for (j, c) in row.iter_mut().enumerate() {
            let sum: f32 = (0..a.columns).map(|l| at(&a, i, l) * at(&b, l, j)).sum();
            *c = if add { *c + sum } else { sum };
        }
    }
}

/// A pointer to disjoint parts of one matrix, one for each thread.
#[derive(Clone, Copy)]
struct Place(*mut f32);

// SAFETY: `product` gives each part of the matrix to one thread.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Place {
    /// The pointer; a method, so that closures capture the whole place.
    const fn at(self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

/// C = A B (or C += A B with `add`), with the rows of C behind each other. Where sizes do not
/// agree, C stays as it is.
pub(crate) fn product(c: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if b.rows != k || m.checked_mul(n) != Some(c.len()) || c.is_empty() {
        return;
    }
    if !(a.fits() && b.fits()) {
        return;
    }
    if m * n * k < FEW {
        return plain(c, a, b, add);
    }
    // at least 32 of the longer side in a part
    let parts = (m * n * k / PART).clamp(1, 16).min(m.max(n).div_ceil(32));
    let by_rows = m >= n;
    let part = (if by_rows { m } else { n }).div_ceil(parts).next_multiple_of(8);
    let place = Place(c.as_mut_ptr());
    (0..parts).into_par_iter().for_each(|i| {
        let (first, all) = (i * part, if by_rows { m } else { n });
        let count = all.saturating_sub(first).min(part);
        if count == 0 {
            return;
        }
        let (rows, columns) = if by_rows { (count, n) } else { (m, count) };
        let (down, right) = if by_rows { (first, 0) } else { (0, first) };
        // SAFETY: A and B were checked to lie within their slices, C to have m n numbers; rows
        // `down..` and columns `right..` of C are touched by this part alone, and C is borrowed
        // until all parts are done.
        unsafe {
            gemm::gemm(
                rows,
                columns,
                k,
                place.at(down * n + right),
                1,
                n as isize,
                add,
                a.numbers.as_ptr().wrapping_add(down * a.steps[0]),
                a.steps[1] as isize,
                a.steps[0] as isize,
                b.numbers.as_ptr().wrapping_add(right * b.steps[1]),
                b.steps[1] as isize,
                b.steps[0] as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
}

/// C = α A B, or C += α A B with `add`, on this thread; rows of C lie `step` numbers apart. Where sizes
/// do not agree, C stays as it is.
pub(crate) fn small(
    c: &mut [f32],
    step: usize,
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    add: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if b.rows != k || m == 0 || n == 0 || n > step || !(a.fits() && b.fits()) {
        return;
    }
    if (m - 1)
        .checked_mul(step)
        .and_then(|last| last.checked_add(n))
        .is_none_or(|end| end > c.len())
    {
        return;
    }
    // SAFETY: A and B were checked to lie within their slices, and the last row of C to end within
    // its own; rows do not overlap, since n ≤ step.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            step as isize,
            add,
            a.numbers.as_ptr(),
            a.steps[1] as isize,
            a.steps[0] as isize,
            b.numbers.as_ptr(),
            b.steps[1] as isize,
            b.steps[0] as isize,
            1.0,
            alpha,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 + seed * 11) % 19) as f32 - 9.0).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (40, 9, 17), (130, 70, 64), (300, 500, 200)] {
            let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
            let mut c = vec![1.0; m * n];
            let (left, right) = (Matrix::new(&a, m, k), Matrix::new(&b, n, k).transposed());
            product(&mut c, left, right, true);
            for (i, j) in [(0, 0), (m - 1, n - 1), (m / 2, n / 3), (m / 3, n / 2)] {
                let want: f32 = 1.0 + (0..k).map(|l| a[i * k + l] * b[j * k + l]).sum::<f32>();
                assert_eq!(c[i * n + j], want, "{m} {n} {k}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_alone() {
        let (a, mut c) = ([1.0; 6], [7.0; 4]);
        product(&mut c, Matrix::new(&a, 2, 3), Matrix::new(&a, 2, 3), false);
        product(&mut c, Matrix::new(&a, 2, 4), Matrix::new(&a, 4, 2), false);
        assert_eq!(c, [7.0; 4]);
    }
}
