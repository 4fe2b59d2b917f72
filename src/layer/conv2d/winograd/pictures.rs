//! Windows of pictures turned for the products, and the products turned back into pictures.

use super::{PLACES, Pass, step};
use crate::layer::channels;
use crate::layer::conv2d::host::Picture;
use pulp::Simd;

/// A run of windows next to each other: the example, their row, and the columns.
#[derive(Clone, Copy)]
struct Row {
    example: usize,
    row: usize,
    first: usize,
    count: usize,
}

impl Pass {
    /// The windows of a group, row by row, each with its number in the group.
    #[inline(always)]
    fn rows(self, mut first: usize, count: usize) -> impl Iterator<Item = (usize, Row)> {
        let ([down, across], group) = (self.windows(), first);
        let behind = first + count;
        core::iter::from_fn(move || {
            let (number, column) = (first / across, first % across);
            let count = (across - column).min(behind - first);
            let row = Row { example: number / down, row: number % down, first: column, count };
            let at = first - group;
            first += count;
            (count > 0).then_some((at, row))
        })
    }
}

impl Picture {
    /// The vectors of a row; none outside the picture.
    #[inline(always)]
    fn line<S: Simd>(self, x: &[f32], example: usize, row: Option<usize>) -> &[S::f32s] {
        let width = self.width * self.channels;
        let row = row.filter(|row| *row < self.height);
        let at = row.map_or(usize::MAX, |row| (example * self.height + row) * width);
        S::as_simd_f32s(x.get(at..).and_then(|x| x.get(..width)).unwrap_or_default()).0
    }
}

/// Vectors of a pixel: `V`, where the compiler is to know.
#[inline(always)]
const fn vectors<S: Simd, const V: usize>(channels: usize) -> usize {
    if V == 0 { channels / S::F32_LANES } else { V }
}

/// Calls a kernel with the vectors of a pixel as a constant; 0 where they are many.
macro_rules! with_vectors {
    ($simd:ty, $channels:expr, $kernel:ident ( $($argument:expr),* )) => {
        match $channels / <$simd>::F32_LANES {
            1 => $kernel::<$simd, 1>($($argument),*),
            2 => $kernel::<$simd, 2>($($argument),*),
            4 => $kernel::<$simd, 4>($($argument),*),
            _ => $kernel::<$simd, 0>($($argument),*),
        }
    };
}
pub(super) use with_vectors;

#[inline(always)]
pub(super) fn at<V: Copy>(row: &[V], place: usize, zero: V) -> V {
    match row.get(place) {
        Some(vector) => *vector,
        None => zero,
    }
}

#[inline(always)]
pub(super) fn put<V: Copy>(to: &mut [V], place: usize, vector: V) {
    if let Some(to) = to.get_mut(place) {
        *to = vector;
    }
}

/// Bᵀ d.
#[inline(always)]
fn turn<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// Bᵀ d B, written to the places of vector `v`.
#[inline(always)]
fn turn_window<S: Simd>(
    simd: S,
    d: [[S::f32s; 4]; 4],
    to: &mut [S::f32s],
    v: usize,
    vectors: usize,
) {
    let [a, b, c, d] = d;
    let mut down = [[simd.splat_f32s(0.0); 4]; 4];
    for j in 0..4 {
        let column = turn(simd, [a[j], b[j], c[j], d[j]]);
        for i in 0..4 {
            down[i][j] = column[i];
        }
    }
    for (i, row) in down.into_iter().enumerate() {
        for (j, place) in turn(simd, row).into_iter().enumerate() {
            put(to, (4 * i + j) * vectors + v, place);
        }
    }
}

/// Windows turned by Bᵀ d B: `[window][place][channel]`.
#[inline(always)]
pub(super) fn turn_windows<S: Simd, const V: usize>(
    simd: S,
    pass: Pass,
    x: &[f32],
    (first, count): (usize, usize),
    to: &mut [f32],
) {
    let (vectors, step) = (vectors::<S, V>(pass.x.channels), step(pass.x.channels));
    let zero = simd.splat_f32s(0.0);
    for (number, Row { example, row, first, count }) in pass.rows(first, count) {
        let mut rows: [&[S::f32s]; 4] = [&[]; 4];
        for (i, line) in rows.iter_mut().enumerate() {
            *line = pass.x.line::<S>(x, example, (2 * row + i).checked_sub(pass.padding[0]));
        }
        let windows = to.get_mut(number * step..).unwrap_or_default().chunks_exact_mut(step);
        for (window, to) in windows.take(count).enumerate() {
            let to = to.get_mut(..PLACES * vectors * S::F32_LANES).unwrap_or_default();
            let (to, _) = S::as_mut_simd_f32s(to);
            let column = 2 * (first + window);
            if let Some(left) = column.checked_sub(pass.padding[1])
                && let Some(a) = rows[0].get(left * vectors..(left + 4) * vectors)
                && let Some(b) = rows[1].get(left * vectors..(left + 4) * vectors)
                && let Some(c) = rows[2].get(left * vectors..(left + 4) * vectors)
                && let Some(d) = rows[3].get(left * vectors..(left + 4) * vectors)
            {
                let inner = [a, b, c, d];
                for v in 0..vectors {
                    let mut d = [[zero; 4]; 4];
                    for (d, row) in d.iter_mut().zip(inner) {
                        for (j, d) in d.iter_mut().enumerate() {
                            *d = at(row, j * vectors + v, zero);
                        }
                    }
                    turn_window(simd, d, to, v, vectors);
                }
                continue;
            }
            for v in 0..vectors {
                let mut d = [[zero; 4]; 4];
                for (d, row) in d.iter_mut().zip(rows) {
                    for (j, d) in d.iter_mut().enumerate() {
                        if let Some(left) = (column + j).checked_sub(pass.padding[1]) {
                            *d = at(row, left * vectors + v, zero);
                        }
                    }
                }
                turn_window(simd, d, to, v, vectors);
            }
        }
    }
}

/// A dy.
#[inline(always)]
fn spread<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> [S::f32s; 4] {
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.neg_f32s(b)]
}

/// Gradients of 2 × 2 outputs turned by A dy Aᵀ: `[window][place][channel]`.
#[inline(always)]
pub(super) fn turn_outputs<S: Simd, const V: usize>(
    simd: S,
    pass: Pass,
    dy: &[f32],
    (first, count): (usize, usize),
    to: &mut [f32],
) {
    let (vectors, step) = (vectors::<S, V>(pass.y.channels), step(pass.y.channels));
    let zero = simd.splat_f32s(0.0);
    for (number, Row { example, row, first, count }) in pass.rows(first, count) {
        let above = pass.y.line::<S>(dy, example, Some(2 * row));
        let below = pass.y.line::<S>(dy, example, Some(2 * row + 1));
        let windows = to.get_mut(number * step..).unwrap_or_default().chunks_exact_mut(step);
        for (window, to) in windows.take(count).enumerate() {
            let to = to.get_mut(..PLACES * vectors * S::F32_LANES).unwrap_or_default();
            let (to, _) = S::as_mut_simd_f32s(to);
            let left = 2 * (first + window) * vectors;
            for v in 0..vectors {
                let right = left + vectors;
                let first = spread(simd, at(above, left + v, zero), at(below, left + v, zero));
                let second = spread(simd, at(above, right + v, zero), at(below, right + v, zero));
                for (i, (a, b)) in first.into_iter().zip(second).enumerate() {
                    for (j, place) in spread(simd, a, b).into_iter().enumerate() {
                        put(to, (4 * i + j) * vectors + v, place);
                    }
                }
            }
        }
    }
}

/// What happens to outputs at last.
#[derive(Clone, Copy)]
pub(super) struct Last<'a> {
    pub b: &'a [f32],
    pub relu: bool,
    /// Whether they are added to what is there.
    pub add: bool,
}

/// Aᵀ m.
#[inline(always)]
fn back<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    let (sum, difference) = (simd.add_f32s(b, c), simd.sub_f32s(b, c));
    [simd.add_f32s(a, sum), simd.sub_f32s(difference, d)]
}

/// Products turned back into outputs, Aᵀ m A.
#[inline(always)]
pub(super) fn turn_back<S: Simd, const V: usize>(
    simd: S,
    pass: Pass,
    products: &[f32],
    y: &mut [f32],
    (first, count): (usize, usize),
    last: Last<'_>,
) {
    let Picture { height, width, channels } = pass.y;
    let (vectors, step) = (vectors::<S, V>(channels), step(channels));
    let (bias, _) = S::as_simd_f32s(last.b);
    let (y, _) = S::as_mut_simd_f32s(y);
    let zero = simd.splat_f32s(0.0);
    for (number, Row { example, row, first, count }) in pass.rows(first, count) {
        let start = (example * height + 2 * row) * width * vectors;
        let lines = y.get_mut(start..).unwrap_or_default().split_at_mut_checked(width * vectors);
        let Some((above, below)) = lines else { return };
        // the last row of an odd picture has none below
        let real = if 2 * row + 1 < height { width * vectors } else { 0 };
        let below = below.get_mut(..real).unwrap_or_default();
        let windows = products.get(number * step..).unwrap_or_default().chunks_exact(step);
        for (window, from) in windows.take(count).enumerate() {
            let from = from.get(..PLACES * vectors * S::F32_LANES).unwrap_or_default();
            let (from, _) = S::as_simd_f32s(from);
            let left = 2 * (first + window) * vectors;
            // the last column of an odd picture has none on its right
            let right = (left + 2 * vectors).min(width * vectors);
            let above = above.get_mut(left..right).unwrap_or_default();
            let below = below.get_mut(left..right).unwrap_or_default();
            for v in 0..vectors {
                let mut rows = [[zero; 2]; 4];
                for (i, row) in rows.iter_mut().enumerate() {
                    let mut m = [zero; 4];
                    for (j, m) in m.iter_mut().enumerate() {
                        *m = at(from, (4 * i + j) * vectors + v, zero);
                    }
                    *row = back(simd, m);
                }
                let bias = at(bias, v, zero);
                let [p, q, r, s] = rows;
                let [a, c] = back(simd, [p[0], q[0], r[0], s[0]]);
                let [b, d] = back(simd, [p[1], q[1], r[1], s[1]]);
                for (line, a, b) in [(&mut *above, a, b), (&mut *below, c, d)] {
                    finish(simd, line.get_mut(v), a, bias, last);
                    finish(simd, line.get_mut(vectors + v), b, bias, last);
                }
            }
        }
    }
}

#[inline(always)]
fn finish<S: Simd>(simd: S, y: Option<&mut S::f32s>, sum: S::f32s, bias: S::f32s, last: Last<'_>) {
    let Some(y) = y else { return };
    let mut sum = simd.add_f32s(sum, bias);
    if last.add {
        sum = simd.add_f32s(sum, *y);
    }
    *y = if last.relu { channels::relu(simd, sum) } else { sum };
}
