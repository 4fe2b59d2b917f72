//! The inner loops: sums whose order is fixed, and whose operands stay in registers.
//!
//! Every sum has one accumulator that takes its terms in ascending order, with a rounded product
//! and a rounded sum (never fused), so that its bits do not depend on how many sums run abreast.
//! What makes it fast is that several sums share each number they load.

/// Four dot products with one vector: `sums[r]` += Σᵢ `rows[r][i]` · `x[i]`.
#[inline(always)]
pub(crate) fn dots(sums: &mut [f32; 4], x: &[f32], rows: [&[f32]; 4]) {
    let [a, b, c, d] = rows;
    let [mut sa, mut sb, mut sc, mut sd] = *sums;
    let (x4, x1) = x.as_chunks::<4>();
    let (a4, a1) = a.as_chunks::<4>();
    let (b4, b1) = b.as_chunks::<4>();
    let (c4, c1) = c.as_chunks::<4>();
    let (d4, d1) = d.as_chunks::<4>();
    for ((((x, a), b), c), d) in x4.iter().zip(a4).zip(b4).zip(c4).zip(d4) {
        for ((((x, a), b), c), d) in x.iter().zip(a).zip(b).zip(c).zip(d) {
            sa += a * x;
            sb += b * x;
            sc += c * x;
            sd += d * x;
        }
    }
    for ((((x, a), b), c), d) in x1.iter().zip(a1).zip(b1).zip(c1).zip(d1) {
        sa += a * x;
        sb += b * x;
        sc += c * x;
        sd += d * x;
    }
    *sums = [sa, sb, sc, sd];
}

/// One dot product: `sum` + Σᵢ `row[i]` · `x[i]`.
#[inline(always)]
pub(crate) fn dot(sum: f32, x: &[f32], row: &[f32]) -> f32 {
    x.iter().zip(row).fold(sum, |sum, (x, w)| sum + w * x)
}

/// `T` neighbouring columns of a matrix, weighed by row: `sums[t]` += Σₒ `g[o]` · `w[o · stride + t]`.
#[inline(always)]
pub(crate) fn weigh<const T: usize>(sums: &mut [f32; T], g: &[f32], w: &[f32], stride: usize) {
    for (&g, row) in g.iter().zip(w.chunks(stride.max(1))) {
        let Some(row) = row.first_chunk::<T>() else { return };
        for (sum, w) in sums.iter_mut().zip(row) {
            *sum += g * w;
        }
    }
}

/// `R` × `T` sums of products over a run of pixels: `sums[r][t]` += Σₚ `g[p][r]` · `x[p][t]`, where
/// neighbouring pixels lie `strides` = (of `g`, of `x`) apart.
#[inline(always)]
pub(crate) fn outer<const R: usize, const T: usize>(
    sums: &mut [[f32; T]; R],
    g: &[f32],
    x: &[f32],
    strides: (usize, usize),
) {
    for (g, x) in g.chunks(strides.0.max(1)).zip(x.chunks(strides.1.max(1))) {
        let (Some(g), Some(x)) = (g.first_chunk::<R>(), x.first_chunk::<T>()) else { return };
        for (sums, g) in sums.iter_mut().zip(g) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += g * x;
            }
        }
    }
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
    fn four_dots_are_four_times_one_dot_to_the_bit() {
        let rows: [[f32; 7]; 4] =
            core::array::from_fn(|r| core::array::from_fn(|i| 0.1 + (r * 7 + i) as f32 / 3.0));
        let mut sums = [0.25; 4];
        dots(&mut sums, &X, rows.each_ref().map(|row| &row[..]));
        for (sum, row) in sums.iter().zip(&rows) {
            assert_eq!(sum.to_bits(), dot(0.25, &X, row).to_bits());
        }
    }

    #[test]
    fn weighing_columns_is_a_transposed_product() {
        let w = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut sums = [0.0; 2];
        weigh(&mut sums, &[10.0, 100.0], &w[1..], 3);
        assert_eq!(sums, [20.0 + 500.0, 30.0 + 600.0]);
    }

    #[test]
    fn outer_products_are_summed_over_pixels() {
        let mut sums = [[0.0; 2]; 1];
        outer(&mut sums, &[2.0, 9.0, 3.0, 9.0], &[1.0, 10.0, 100.0, 1000.0], (2, 2));
        assert_eq!(sums, [[302.0, 3020.0]]);
    }
}
