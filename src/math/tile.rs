//! The inner loops: sums whose order is fixed, and whose operands stay in registers.
//!
//! Every sum has one accumulator that takes its terms in ascending order, with a rounded product
//! and a rounded sum (never fused), so that its bits do not depend on how many sums run abreast.
//! What makes it fast is that several sums share each number they load.

/// 4 × `P` dot products: `sums[p][r]` + Σᵢ `rows[r][i]` · `x[p][i]`. All slices have one length.
#[inline(always)]
pub(crate) fn dots<const P: usize>(
    mut sums: [[f32; 4]; P],
    x: [&[f32]; P],
    rows: [&[f32]; 4],
) -> [[f32; 4]; P] {
    let len = rows[0].len();
    if rows.iter().any(|row| row.len() != len) || x.iter().any(|x| x.len() != len) {
        return sums;
    }
    let rows = rows.map(<[f32]>::as_chunks::<4>);
    let x = x.map(<[f32]>::as_chunks::<4>);
    for i in 0..len / 4 {
        let rows = rows.map(|(fours, _)| fours[i]);
        for (sums, x) in sums.iter_mut().zip(x) {
            for (sum, row) in sums.iter_mut().zip(rows) {
                for (w, x) in row.iter().zip(x.0[i]) {
                    *sum += w * x;
                }
            }
        }
    }
    for i in 0..len % 4 {
        for (sums, x) in sums.iter_mut().zip(x) {
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum += row.1[i] * x.1[i];
            }
        }
    }
    sums
}

/// One dot product: `sum` + Σᵢ `row[i]` · `x[i]`.
#[inline(always)]
pub(crate) fn dot(sum: f32, x: &[f32], row: &[f32]) -> f32 {
    x.iter().zip(row).fold(sum, |sum, (x, w)| sum + w * x)
}

/// `T` neighbouring columns, from column `at` on, of a matrix whose rows have `width` numbers,
/// weighed by row: `sums[t]` + Σₒ `g[o]` · `w[o][at + t]`.
#[inline(always)]
pub(crate) fn weigh<const T: usize>(
    mut sums: [f32; T],
    g: &[f32],
    w: &[f32],
    width: usize,
    at: usize,
) -> [f32; T] {
    for (&g, row) in g.iter().zip(w.chunks_exact(width.max(1))) {
        let Some(row) = columns::<T>(row, at) else { return sums };
        for (sum, w) in sums.iter_mut().zip(row) {
            *sum += g * w;
        }
    }
    sums
}

/// `R` × `T` sums of products over a run of pixels: `sums[r][t]` + Σₚ `g[p][at + r]` ·
/// `x[p][from + t]`, where a pixel of `g` and of `x` has as many numbers as `widths` say.
#[inline(always)]
pub(crate) fn outer<const R: usize, const T: usize>(
    mut sums: [[f32; T]; R],
    (g, at): (&[f32], usize),
    (x, from): (&[f32], usize),
    widths: (usize, usize),
) -> [[f32; T]; R] {
    for (g, x) in g.chunks_exact(widths.0.max(1)).zip(x.chunks(widths.1.max(1))) {
        let (Some(g), Some(x)) = (columns::<R>(g, at), columns::<T>(x, from)) else {
            return sums;
        };
        for (sums, g) in sums.iter_mut().zip(g) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += g * x;
            }
        }
    }
    sums
}

/// `T` numbers of a row from index `at` on.
#[inline(always)]
fn columns<const T: usize>(row: &[f32], at: usize) -> Option<&[f32; T]> {
    row.get(at..)?.first_chunk()
}

/// `len` numbers from index `at` on; none if they are not all there.
#[inline(always)]
pub(crate) fn run(all: &[f32], at: usize, len: usize) -> &[f32] {
    all.get(at..).and_then(|all| all.get(..len)).unwrap_or_default()
}

/// `y[i]` += `x[i]`.
pub(crate) fn add(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}

/// `y[i]` = `x[i]`, as far as both reach.
pub(crate) fn copy(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = *x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f32; 7] = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0, 2.0];

    #[test]
    fn dots_abreast_are_single_dots_to_the_bit() {
        let rows: [[f32; 7]; 4] =
            core::array::from_fn(|r| core::array::from_fn(|i| 0.1 + (r * 7 + i) as f32 / 3.0));
        let x = [X, X.map(|x| 1.0 / x)];
        let sums =
            dots([[0.25; 4]; 2], x.each_ref().map(|x| &x[..]), rows.each_ref().map(|r| &r[..]));
        for (sums, x) in sums.iter().zip(&x) {
            for (sum, row) in sums.iter().zip(&rows) {
                assert_eq!(sum.to_bits(), dot(0.25, x, row).to_bits());
            }
        }
    }

    #[test]
    fn weighing_columns_is_a_transposed_product() {
        let w = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let sums = weigh([0.0; 2], &[10.0, 100.0], &w, 3, 1);
        assert_eq!(sums, [20.0 + 500.0, 30.0 + 600.0]);
    }

    #[test]
    fn outer_products_are_summed_over_pixels() {
        let (g, x) = ([9.0, 2.0, 9.0, 3.0], [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(outer([[0.0; 2]; 1], (&g, 1), (&x, 0), (2, 2)), [[302.0, 3020.0]]);
    }
}
