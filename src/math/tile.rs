//! The inner loops: sums whose order is fixed, and whose operands stay in registers.
//!
//! Every sum has one accumulator that takes its terms in ascending order, with a rounded product
//! and a rounded sum (never fused), so that its bits do not depend on how many sums run abreast.
//! What makes it fast is that several sums share each number they load.

/// How many of `n` numbers are summed in tiles of `width`, the others one by one: none, where the
/// program is to be small.
#[inline(always)]
pub(crate) const fn tiled(n: usize, width: usize) -> usize {
    if cfg!(optimize_for_size) { 0 } else { n / width * width }
}

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
    let [(a4, a1), (b4, b1), (c4, c1), (d4, d1)] = rows.map(<[f32]>::as_chunks::<4>);
    let x = x.map(<[f32]>::as_chunks::<4>);
    for (i, (((a, b), c), d)) in a4.iter().zip(b4).zip(c4).zip(d4).enumerate() {
        let x = x.map(|(fours, _)| fours.get(i).copied().unwrap_or_default());
        for (sums, x) in sums.iter_mut().zip(x) {
            for (sum, row) in sums.iter_mut().zip([*a, *b, *c, *d]) {
                for (w, x) in row.iter().zip(x) {
                    *sum += w * x;
                }
            }
        }
    }
    for (i, (((a, b), c), d)) in a1.iter().zip(b1).zip(c1).zip(d1).enumerate() {
        let x = x.map(|(_, rest)| rest.get(i).copied().unwrap_or_default());
        for (sums, x) in sums.iter_mut().zip(x) {
            for (sum, w) in sums.iter_mut().zip([a, b, c, d]) {
                *sum += w * x;
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
/// weighed by row, `P` times abreast: `sums[p][t]` + Σₒ `g[p][o]` · `w[o][at + t]`.
#[cfg_attr(optimize_for_size, inline(never))]
#[cfg_attr(not(optimize_for_size), inline(always))]
pub(crate) fn weigh<const P: usize, const T: usize>(
    mut sums: [[f32; T]; P],
    g: [&[f32]; P],
    w: &[f32],
    width: usize,
    at: usize,
) -> [[f32; T]; P] {
    let (len, width) = (g[0].len(), width.max(1));
    if g.iter().any(|g| g.len() != len) || width.checked_sub(at).is_none_or(|room| room < T) {
        return sums;
    }
    if cfg!(optimize_for_size) {
        for (i, row) in w.chunks_exact(width).take(len).enumerate() {
            let Some(g) = all(g.map(|g| g.get(i))) else { return sums };
            sums = add_row(sums, g.map(|g| *g), row, at);
        }
        return sums;
    }
    let g = g.map(<[f32]>::as_chunks::<4>);
    let Some((first, last)) = w.split_at_checked(len / 4 * 4 * width) else { return sums };
    for (i, rows) in first.chunks_exact((4 * width).max(1)).enumerate() {
        let Some(rows) = four_rows(rows, 0, width) else { return sums };
        let Some(g) = all(g.map(|(fours, _)| fours.get(i))) else { return sums };
        for (r, row) in rows.into_iter().enumerate() {
            sums = add_row(sums, g.map(|g| g[r]), row, at);
        }
    }
    for (i, row) in last.chunks_exact(width).take(len % 4).enumerate() {
        let Some(g) = all(g.map(|(_, rest)| rest.get(i))) else { return sums };
        sums = add_row(sums, g.map(|g| *g), row, at);
    }
    sums
}

/// `sums[p][t]` + `g[p]` · `row[at + t]`.
#[inline(always)]
fn add_row<const P: usize, const T: usize>(
    mut sums: [[f32; T]; P],
    g: [f32; P],
    row: &[f32],
    at: usize,
) -> [[f32; T]; P] {
    let Some(row) = columns::<T>(row, at) else { return sums };
    for (sums, g) in sums.iter_mut().zip(g) {
        for (sum, w) in sums.iter_mut().zip(row) {
            *sum += g * w;
        }
    }
    sums
}

/// `R` × `T` sums of products over a run of pixels: `sums[r][t]` + Σₚ `g[p][at + r]` ·
/// `x[p][from + t]`, where a pixel of `g` and of `x` has as many numbers as `widths` say.
#[cfg_attr(optimize_for_size, inline(never))]
#[cfg_attr(not(optimize_for_size), inline(always))]
pub(crate) fn outer<const R: usize, const T: usize>(
    mut sums: [[f32; T]; R],
    (g, at): (&[f32], usize),
    (x, from): (&[f32], usize),
    widths: (usize, usize),
) -> [[f32; T]; R] {
    let (g_width, x_width) = (widths.0.max(1), widths.1.max(1));
    if g_width.checked_sub(at).is_none_or(|room| room < R)
        || x_width.checked_sub(from).is_none_or(|room| room < T)
    {
        return sums;
    }
    for (g, x) in g.chunks_exact(g_width).zip(x.chunks_exact(x_width)) {
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

/// `len` numbers from index `at` on, if they are all there.
#[inline(always)]
pub(crate) fn run(all: &[f32], at: usize, len: usize) -> Option<&[f32]> {
    all.get(at..)?.get(..len)
}

/// Four rows of `width` numbers, from index `at` on.
#[inline(always)]
pub(crate) fn four_rows(all: &[f32], at: usize, width: usize) -> Option<[&[f32]; 4]> {
    let (ab, cd) = run(all, at, 4 * width)?.split_at_checked(2 * width)?;
    let ((a, b), (c, d)) = (ab.split_at_checked(width)?, cd.split_at_checked(width)?);
    Some([a, b, c, d])
}

/// All of them, if none is missing.
#[inline(always)]
pub(crate) fn all<T: Copy, const P: usize>(options: [Option<T>; P]) -> Option<[T; P]> {
    let first = (*options.first()?)?;
    let there = options.iter().all(Option::is_some);
    there.then(|| options.map(|option| option.unwrap_or(first)))
}

/// `y[i]` += `x[i]`.
#[cfg_attr(optimize_for_size, inline(never))]
#[cfg_attr(not(optimize_for_size), inline(always))]
pub(crate) fn add(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}

/// `y[i]` += `a` · `x[i]`.
#[inline(always)]
pub(crate) fn add_times(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `y[i]` = `x[i]`, as far as both reach.
///
/// Where the program is to be small, the compiler must not see that this is `memcpy`: that alone
/// takes a kilobyte.
#[cfg_attr(optimize_for_size, inline(never))]
pub(crate) fn copy(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = if cfg!(optimize_for_size) { core::hint::black_box(*x) } else { *x };
    }
}

/// `y[i]` = 0; where the program is to be small, without `memset`.
pub(crate) fn zero(y: &mut [f32]) {
    for y in y {
        *y = if cfg!(optimize_for_size) { core::hint::black_box(0.0) } else { 0.0 };
    }
}

/// The sum of magnitudes from which on a layer refuses to compute: no gradient is then larger than
/// its square, and no step infinite, with the largest rate and any momentum below 1.
const TAME: f32 = 1e12;

/// Whether numbers are small enough to compute with; NaN is not.
#[inline(never)]
pub(crate) fn tame(x: &[f32]) -> bool {
    x.iter().map(|x| x.abs()).sum::<f32>() < TAME
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
        let [sums] = weigh([[0.0; 2]], [&[10.0, 100.0]], &w, 3, 1);
        assert_eq!(sums, [20.0 + 500.0, 30.0 + 600.0]);
    }

    #[test]
    fn outer_products_are_summed_over_pixels() {
        let (g, x) = ([9.0, 2.0, 9.0, 3.0], [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(outer([[0.0; 2]; 1], (&g, 1), (&x, 0), (2, 2)), [[302.0, 3020.0]]);
    }
}
