//! Products of matrices for the host engine, C = A B or C += A B, in registers: a tile of a few rows × a
//! few vectors of columns stays there while the depth of the product runs by.
//!
//! B is packed by blocks of columns, `[block][depth][width]`, so that it is read in order, a vector at a
//! time; numbers of A are read where they are, and each is spread over a vector. Of a block, as much depth
//! is done at a time as stays near the processor, for all rows. Every number of C is summed in ascending
//! depth, in one tile or another: how C is cut into rows changes no bit.

use super::channels;
use core::ops::Range;
use pulp::{Arch, Simd, WithSimd};

/// The depth of a block that is done at a time: 128 KiB of it, a small part of a second cache.
pub(super) const DEPTH: usize = 256;

/// The most columns of a block: four vectors of sixteen.
pub(super) const WIDEST: usize = 64;

/// Vectors in a block of columns: a tile of six rows fills sixteen registers, or thirty-two.
const fn most<S: Simd>() -> usize {
    if S::F32_LANES == 8 { 2 } else { 4 }
}

/// Columns of a block on this processor.
pub(super) fn width(arch: Arch) -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            most::<S>() * S::F32_LANES
        }
    }
    arch.dispatch(Width)
}

/// Numbers that a packed matrix of so many rows and columns needs, on every processor.
pub(super) const fn room(depth: usize, columns: usize) -> usize {
    depth * columns.next_multiple_of(WIDEST / 4)
}

/// Some columns of a packed matrix.
struct Block {
    columns: Range<usize>,
    vectors: usize,
    /// Where it lies.
    at: Range<usize>,
}

/// The blocks of a packed matrix.
#[inline(always)]
fn blocks<S: Simd>(depth: usize, columns: usize) -> impl Iterator<Item = Block> {
    let (lanes, wide) = (S::F32_LANES, most::<S>() * S::F32_LANES);
    (0..columns).step_by(wide).map(move |first| {
        let end = columns.min(first + wide);
        let vectors = (end - first).div_ceil(lanes);
        Block { columns: first..end, vectors, at: first * depth..(first + vectors * lanes) * depth }
    })
}

/// Calls a kernel with the vectors of a block as a constant.
macro_rules! with_vectors {
    ($simd:ty, $vectors:expr, $kernel:ident $(::<$($more:literal),*>)? ($($argument:expr),*)) => {
        match $vectors {
            1 => $kernel::<$simd, 1 $($(, $more)*)?>($($argument),*),
            2 => $kernel::<$simd, 2 $($(, $more)*)?>($($argument),*),
            3 => $kernel::<$simd, 3 $($(, $more)*)?>($($argument),*),
            _ => $kernel::<$simd, 4 $($(, $more)*)?>($($argument),*),
        }
    };
}

/// A matrix of `depth` rows, before it is packed: number (k, j) lies at `k · step + j`, or at
/// `j · step + k` where it is turned.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub numbers: &'a [f32],
    pub step: usize,
    pub turned: bool,
}

/// Packs α times the columns of a matrix.
pub(super) struct Pack<'a> {
    pub b: Right<'a>,
    pub depth: usize,
    pub columns: Range<usize>,
    pub alpha: f32,
    pub packed: &'a mut [f32],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { b, depth, columns, alpha, packed } = self;
        for block in blocks::<S>(depth, columns.len()) {
            let Some(packed) = packed.get_mut(block.at) else { return };
            let first = columns.start + block.columns.start;
            let count = block.columns.len();
            if b.turned {
                let numbers = b.numbers.get(first * b.step..).unwrap_or_default();
                turn(simd, (numbers, b.step, depth), count, alpha, (packed, block.vectors));
            } else {
                let numbers = b.numbers.get(first..).unwrap_or_default();
                with_vectors!(
                    S,
                    block.vectors,
                    copy(simd, (numbers, b.step), count, alpha, packed)
                );
            }
        }
    }
}

/// Packs one block of columns that lie beside each other.
#[inline(always)]
fn copy<S: Simd, const V: usize>(
    simd: S,
    (numbers, step): (&[f32], usize),
    count: usize,
    alpha: f32,
    packed: &mut [f32],
) {
    let (to, _) = S::as_mut_simd_f32s(packed);
    let alpha = simd.splat_f32s(alpha);
    let whole = count == V * S::F32_LANES;
    for (to, from) in to.as_chunks_mut::<V>().0.iter_mut().zip(numbers.chunks(step.max(1))) {
        let from = from.get(..count).unwrap_or_default();
        let row = if whole {
            channels::load::<S, V, true>(simd, from)
        } else {
            channels::load::<S, V, false>(simd, from)
        };
        for (to, from) in to.iter_mut().zip(row) {
            *to = simd.mul_f32s(alpha, from);
        }
    }
}

/// The most lanes of a vector.
const LANES: usize = WIDEST / 4;

/// Packs one block of columns, each of which lies in a row of its own: squares of as many columns as a
/// vector has lanes are turned over in registers.
#[inline(always)]
fn turn<S: Simd>(
    simd: S,
    (numbers, step, depth): (&[f32], usize, usize),
    count: usize,
    alpha: f32,
    (packed, vectors): (&mut [f32], usize),
) {
    let (lanes, alpha) = (S::F32_LANES, simd.splat_f32s(alpha));
    let (packed, _) = S::as_mut_simd_f32s(packed);
    for v in 0..vectors {
        for k in (0..depth).step_by(lanes) {
            let there = lanes.min(depth - k);
            let mut square = [simd.splat_f32s(0.0); LANES];
            for (i, row) in square.iter_mut().enumerate().take(lanes) {
                let column = v * lanes + i;
                if column < count {
                    let from = numbers.get(column * step + k..).unwrap_or_default();
                    let from = from.get(..there).unwrap_or(from);
                    *row = simd.mul_f32s(alpha, load(simd, from));
                }
            }
            cross::<S, 8>(simd, &mut square);
            cross::<S, 4>(simd, &mut square);
            cross::<S, 2>(simd, &mut square);
            cross::<S, 1>(simd, &mut square);
            for (i, row) in square.iter().enumerate().take(lanes) {
                if let Some(to) = packed.get_mut((k + i) * vectors + v) {
                    *to = *row;
                }
            }
        }
    }
}

/// A vector of numbers, or as many as there are.
#[inline(always)]
fn load<S: Simd>(simd: S, from: &[f32]) -> S::f32s {
    match S::as_simd_f32s(from).0.first() {
        Some(whole) => *whole,
        None => simd.partial_load_f32s(from),
    }
}

/// A step of turning a square over its diagonal: of every 2 `SIDE` rows and columns, the quarters that lie
/// across change places.
#[inline(always)]
fn cross<S: Simd, const SIDE: usize>(simd: S, square: &mut [S::f32s; LANES]) {
    if SIDE >= S::F32_LANES {
        return;
    }
    let mut right = [0.0; LANES];
    for (lane, right) in right.iter_mut().enumerate() {
        *right = if lane & SIDE == 0 { 0.0 } else { 1.0 };
    }
    let right = simd.less_than_f32s(simd.splat_f32s(0.0), load(simd, &right));
    for i in 0..S::F32_LANES {
        if i & SIDE == 0 {
            let (above, below) = (square[i], square[i | SIDE]);
            let moved = simd.rotate_right_f32s(below, SIDE);
            square[i] = simd.select_f32s(right, moved, above);
            let moved = simd.rotate_left_f32s(above, SIDE);
            square[i | SIDE] = simd.select_f32s(right, below, moved);
        }
    }
}

/// The first factor of a product: number (i, k) lies at `i · step + k`, or at `k · step + i` where it is
/// turned.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub numbers: &'a [f32],
    pub step: usize,
    pub turned: bool,
}

/// What a product begins with.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// A number for each column, the same in every row; zeros where there are none.
    Row(&'a [f32]),
    /// What is there.
    Add,
}

/// C = A B, with as much of each as is there.
pub(super) struct Product<'a> {
    pub a: Left<'a>,
    /// The packed matrix, [depth, columns].
    pub b: &'a [f32],
    pub depth: usize,
    pub rows: usize,
    pub columns: usize,
    pub start: Start<'a>,
    /// Rows of C lie `step` numbers apart.
    pub c: &'a mut [f32],
    pub step: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, depth, rows, columns, start, c, step } = self;
        for Block { columns, vectors, at } in blocks::<S>(depth, columns) {
            let Some(b) = b.get(at) else { return };
            let row = match start {
                Start::Row(row) => row.get(columns.clone()).unwrap_or_default(),
                Start::Add => &[],
            };
            let width = vectors * S::F32_LANES;
            for (k, b) in (0..depth).step_by(DEPTH).zip(b.chunks(DEPTH * width)) {
                let add = matches!(start, Start::Add) || k > 0;
                let first = if a.turned { k * a.step } else { k };
                let a = Left { numbers: a.numbers.get(first..).unwrap_or_default(), ..a };
                let (columns, whole) = (columns.clone(), columns.len() == width);
                let part = Part { a, b, rows, columns, row, add, step };
                match (a.turned, whole) {
                    (false, true) => with_vectors!(S, vectors, sweep::<false, true>(simd, part, c)),
                    (false, false) => {
                        with_vectors!(S, vectors, sweep::<false, false>(simd, part, c))
                    }
                    (true, true) => with_vectors!(S, vectors, sweep::<true, true>(simd, part, c)),
                    (true, false) => with_vectors!(S, vectors, sweep::<true, false>(simd, part, c)),
                }
            }
        }
    }
}

/// What one block of columns, at one depth, adds to C.
struct Part<'a> {
    a: Left<'a>,
    b: &'a [f32],
    rows: usize,
    columns: Range<usize>,
    /// What every row begins with; zeros, where it is empty.
    row: &'a [f32],
    /// Whether it begins with what is there instead.
    add: bool,
    step: usize,
}

/// All rows of a part.
#[inline(always)]
fn sweep<S: Simd, const V: usize, const TURNED: bool, const WHOLE: bool>(
    simd: S,
    part: Part<'_>,
    c: &mut [f32],
) {
    let (start, rows) = (channels::load::<S, V, false>(simd, part.row), part.rows);
    let mut row = 0;
    while row + 6 <= rows {
        tile::<S, 6, V, TURNED, WHOLE>(simd, &part, row, start, c);
        row += 6;
    }
    if row + 4 <= rows {
        tile::<S, 4, V, TURNED, WHOLE>(simd, &part, row, start, c);
        row += 4;
    }
    if row + 2 <= rows {
        tile::<S, 2, V, TURNED, WHOLE>(simd, &part, row, start, c);
        row += 2;
    }
    if row < rows {
        tile::<S, 1, V, TURNED, WHOLE>(simd, &part, row, start, c);
    }
}

/// `P` rows × `V` vectors.
#[inline(always)]
fn tile<S: Simd, const P: usize, const V: usize, const TURNED: bool, const WHOLE: bool>(
    simd: S,
    part: &Part<'_>,
    row: usize,
    start: [S::f32s; V],
    c: &mut [f32],
) {
    let Part { a, b, ref columns, add, step, .. } = *part;
    let (vectors, _) = S::as_simd_f32s(b);
    let (b, _) = vectors.as_chunks::<V>();
    let at = |p: usize| (row + p) * step + columns.start..(row + p) * step + columns.end;
    let mut sums = [start; P];
    if add {
        for (p, sums) in sums.iter_mut().enumerate() {
            *sums = channels::load::<S, V, WHOLE>(simd, c.get(at(p)).unwrap_or_default());
        }
    }
    let first = if TURNED { row } else { row * a.step };
    let a = (a.numbers.get(first..).unwrap_or_default(), a.step);
    let sums =
        if TURNED { down::<S, P, V>(simd, a, b, sums) } else { along::<S, P, V>(simd, a, b, sums) };
    for (p, sums) in sums.into_iter().enumerate() {
        channels::store::<S, V, WHOLE>(simd, c.get_mut(at(p)).unwrap_or_default(), sums);
    }
}

/// Adds the products of `P` rows that lie `step` numbers apart: the loop in which the time goes.
#[inline(always)]
fn along<S: Simd, const P: usize, const V: usize>(
    simd: S,
    (a, step): (&[f32], usize),
    b: &[[S::f32s; V]],
    sums: [[S::f32s; V]; P],
) -> [[S::f32s; V]; P] {
    let len = b.len();
    let (mut rows, mut rests): ([&[[f32; 4]]; P], [&[f32]; P]) = ([&[]; P], [&[]; P]);
    for p in 0..P {
        match a.get(p * step..).and_then(|a| a.get(..len)) {
            Some(there) => (rows[p], rests[p]) = there.as_chunks(),
            None => return sums,
        }
    }
    // a copy of its own, which nothing but these loops touches, stays in registers
    let mut tile = sums;
    let (fours, rest) = b.as_chunks::<4>();
    for (i, b) in fours.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            let b = *b;
            for p in 0..P {
                let a = simd.splat_f32s(rows[p][i][j]);
                for v in 0..V {
                    tile[p][v] = simd.mul_add_e_f32s(a, b[v], tile[p][v]);
                }
            }
        }
    }
    for (i, b) in rest.iter().enumerate() {
        let b = *b;
        for p in 0..P {
            let a = simd.splat_f32s(rests[p][i]);
            for v in 0..V {
                tile[p][v] = simd.mul_add_e_f32s(a, b[v], tile[p][v]);
            }
        }
    }
    tile
}

/// The same where the numbers of `P` rows lie beside each other, `step` numbers from one depth to the
/// next.
#[inline(always)]
fn down<S: Simd, const P: usize, const V: usize>(
    simd: S,
    (a, step): (&[f32], usize),
    b: &[[S::f32s; V]],
    sums: [[S::f32s; V]; P],
) -> [[S::f32s; V]; P] {
    let mut tile = sums;
    for (a, b) in a.chunks(step.max(1)).zip(b) {
        let Some(a) = a.first_chunk::<P>() else { break };
        let b = *b;
        for p in 0..P {
            let a = simd.splat_f32s(a[p]);
            for v in 0..V {
                tile[p][v] = simd.mul_add_e_f32s(a, b[v], tile[p][v]);
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 + seed * 11) % 19) as f32 - 9.0).collect()
    }

    /// Whole numbers, whose sums are exact in any order.
    #[test]
    fn products_are_those_of_the_definition() {
        let arch = Arch::new();
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (40, 9, 17), (13, 70, 64), (31, 137, 600)] {
            for (a_turned, b_turned) in [(false, false), (true, false), (false, true)] {
                let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
                let (mut c, mut packed) = (vec![1.0; m * n], vec![f32::NAN; room(k, n)]);
                let right =
                    Right { numbers: &b, step: if b_turned { k } else { n }, turned: b_turned };
                let columns = 0..n;
                arch.dispatch(Pack {
                    b: right,
                    depth: k,
                    columns,
                    alpha: 2.0,
                    packed: &mut packed,
                });
                let left =
                    Left { numbers: &a, step: if a_turned { m } else { k }, turned: a_turned };
                for (start, first) in [(Start::Add, 1.0), (Start::Row(&b[..n]), f32::NAN)] {
                    let (depth, rows, columns, step) = (k, m, n, n);
                    let (b, c) = (&packed[..], &mut c[..]);
                    arch.dispatch(Product { a: left, b, depth, rows, columns, start, c, step });
                    check(c, (&a, a_turned), (right.numbers, b_turned), (m, n, k), first);
                }
            }
        }
    }

    fn check(
        c: &[f32],
        (a, a_turned): (&[f32], bool),
        (b, b_turned): (&[f32], bool),
        (m, n, k): (usize, usize, usize),
        first: f32,
    ) {
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let a = |l| if a_turned { a[l * m + i] } else { a[i * k + l] };
            let other = |l| if b_turned { b[j * k + l] } else { b[l * n + j] };
            let first = if first.is_nan() { b[j] } else { first };
            let want = first + (0..k).map(|l| 2.0 * a(l) * other(l)).sum::<f32>();
            assert_eq!(c[i * n + j], want, "{i} {j} of {m} {n} {k}");
        }
    }
}
