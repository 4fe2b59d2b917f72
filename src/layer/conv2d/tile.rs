//! The registers of a direct convolution: a tile of pixels × vectors of channels, and the ways in which
//! pictures and weights lie for it.

use crate::layer::channels;
use pulp::Simd;

/// Weights by blocks of outputs: `[block][k][width]`, `width` outputs in a few vectors, zeros behind
/// the last output.
#[derive(Clone, Copy)]
pub(super) struct Packing {
    /// Numbers of each output.
    rows: usize,
    outputs: usize,
    /// Vectors in a block: 1, 2 or 4.
    pub vectors: usize,
    /// Outputs in a block.
    pub width: usize,
}

/// The most outputs that a block may have: four vectors of sixteen.
const WIDEST: usize = 64;

impl Packing {
    pub fn new<S: Simd>(rows: usize, outputs: usize) -> Self {
        let lanes = S::F32_LANES;
        // sixteen registers hold a tile of two vectors, thirty-two one of four
        let most = if lanes == 8 { 2 } else { 4 };
        let vectors = match outputs.div_ceil(lanes) {
            0 | 1 => 1,
            2 | 3 => 2,
            _ => most,
        };
        Self { rows, outputs, vectors, width: vectors * lanes }
    }

    /// Numbers that are enough on every processor.
    pub const fn room(rows: usize, outputs: usize) -> usize {
        rows * (outputs.div_ceil(WIDEST) * WIDEST)
    }

    pub const fn len(&self) -> usize {
        self.rows * self.outputs.div_ceil(self.width) * self.width
    }

    /// Packs the weights `w(k, output)`.
    #[inline(always)]
    pub fn pack(&self, packed: &mut [f32], w: impl Fn(usize, usize) -> f32) {
        for (first, block) in self.blocks_mut(packed) {
            for (k, row) in block.chunks_exact_mut(self.width).enumerate() {
                for (i, packed) in row.iter_mut().enumerate() {
                    *packed = if first + i < self.outputs { w(k, first + i) } else { 0.0 };
                }
            }
        }
    }

    /// The first output of each block, and its weights.
    pub fn blocks<'a>(&self, packed: &'a [f32]) -> impl Iterator<Item = (usize, &'a [f32])> {
        let blocks = packed.chunks_exact((self.rows * self.width).max(1));
        (0..self.outputs).step_by(self.width).zip(blocks)
    }

    /// The same, to be written.
    pub fn blocks_mut<'a>(
        &self,
        packed: &'a mut [f32],
    ) -> impl Iterator<Item = (usize, &'a mut [f32])> {
        let blocks = packed.chunks_exact_mut((self.rows * self.width).max(1));
        (0..self.outputs).step_by(self.width).zip(blocks)
    }

    /// All numbers of one output, to be written.
    pub fn column_mut<'a>(
        &self,
        packed: &'a mut [f32],
        output: usize,
    ) -> impl Iterator<Item = &'a mut f32> {
        let at = output / self.width * self.rows * self.width + output % self.width;
        packed.get_mut(at..).unwrap_or_default().iter_mut().step_by(self.width).take(self.rows)
    }

    /// All numbers of one output.
    pub fn column<'a>(&self, packed: &'a [f32], output: usize) -> impl Iterator<Item = f32> + 'a {
        let at = output / self.width * self.rows * self.width + output % self.width;
        packed.get(at..).unwrap_or_default().iter().step_by(self.width).copied().take(self.rows)
    }
}

/// A picture within zeros.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// Rows and columns of the picture.
    pub inner: [usize; 2],
    /// Rows and columns with the zeros.
    pub outer: [usize; 2],
    /// Rows and columns of zeros before it.
    pub before: [usize; 2],
    pub channels: usize,
}

impl Frame {
    pub const fn len(&self) -> usize {
        self.outer[0] * self.outer[1] * self.channels
    }

    /// Copies a picture into a frame that is zero around it.
    pub fn hold(&self, frame: &mut [f32], picture: &[f32]) {
        let ([_, width], [_, whole], [above, left]) = (self.inner, self.outer, self.before);
        let (line, inner) = (whole * self.channels, width * self.channels);
        let lines = frame.chunks_exact_mut(line.max(1)).skip(above);
        for (to, from) in lines.zip(picture.chunks_exact(inner.max(1))) {
            let to = to.get_mut(left * self.channels..).unwrap_or_default();
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

/// Along one axis, the taps that pixels of one remainder meet, in the order of the windows.
///
/// Pixel s · i + rest meets tap k in window (s · i + rest + padding − k) / s, where that is whole.
#[derive(Clone, Copy)]
pub(super) struct Taps {
    /// How many taps there are.
    pub count: usize,
    /// How many pixels there are.
    pub pixels: usize,
    /// Windows before the first that the pixels want.
    pub before: usize,
    first: usize,
    stride: usize,
    /// The window that the first tap meets at the first pixel.
    window: usize,
}

impl Taps {
    pub fn turned(
        kernel: usize,
        stride: usize,
        padding: usize,
        rest: usize,
        length: usize,
    ) -> Self {
        let first = (rest + padding) % stride;
        let count = kernel.saturating_sub(first).div_ceil(stride);
        let window = (rest + padding - first) / stride;
        let pixels = length.saturating_sub(rest).div_ceil(stride);
        let before = count.saturating_sub(window + 1);
        Self { count, pixels, before, first, stride, window }
    }

    /// The tap of the kernel at place `i`.
    pub const fn tap(&self, i: usize) -> usize {
        self.first + self.stride * (self.count - 1 - i)
    }

    /// The first window that pixel `i` of the class meets, in a frame of `before` zeros.
    pub const fn at(&self, i: usize, before: usize) -> usize {
        (i + self.window + before + 1).saturating_sub(self.count)
    }

    /// One past the last window that any pixel meets, in windows of the picture.
    pub const fn behind(&self, _before: usize) -> usize {
        self.pixels + self.window
    }
}

/// A row of pixels for one block of outputs.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// The frame, and where the first window begins.
    pub x: &'a [f32],
    pub x_at: usize,
    /// Numbers from one window to the next.
    pub x_step: usize,
    /// A window is so many lines, `line` numbers apart, of `len` numbers.
    pub lines: usize,
    pub line: usize,
    pub len: usize,
    /// The packed weights of the block.
    pub w: &'a [f32],
    /// Where the first output goes, and how far the next pixel's is from it.
    pub y_at: usize,
    pub y_step: usize,
    pub pixels: usize,
    /// Outputs of the block that are real.
    pub outputs: usize,
    /// Whether a rectifier follows.
    pub relu: bool,
}

/// What a tile begins with.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// The biases of the block; zeros where there are none.
    Bias(&'a [f32]),
    /// What is there.
    Add,
}

/// Computes a row of pixels for one block.
#[inline(always)]
pub(super) fn row<S: Simd>(
    simd: S,
    vectors: usize,
    block: Block<'_>,
    y: &mut [f32],
    start: Start<'_>,
) {
    match vectors {
        1 => tiles::<S, 8, 1>(simd, block, y, start),
        2 if S::F32_LANES == 8 => tiles::<S, 4, 2>(simd, block, y, start),
        2 => tiles::<S, 8, 2>(simd, block, y, start),
        _ => tiles::<S, 4, 4>(simd, block, y, start),
    }
}

#[inline(always)]
fn tiles<S: Simd, const P: usize, const V: usize>(
    simd: S,
    block: Block<'_>,
    y: &mut [f32],
    start: Start<'_>,
) {
    let mut bias = [simd.splat_f32s(0.0); V];
    if let Start::Bias(numbers) = start {
        for (bias, numbers) in bias.iter_mut().zip(numbers.chunks(S::F32_LANES)) {
            *bias = simd.partial_load_f32s(numbers);
        }
    }
    let add = matches!(start, Start::Add);
    if block.outputs == V * S::F32_LANES {
        sweep::<S, P, V, true>(simd, &block, y, bias, add);
    } else {
        sweep::<S, P, V, false>(simd, &block, y, bias, add);
    }
}

#[inline(always)]
fn sweep<S: Simd, const P: usize, const V: usize, const WHOLE: bool>(
    simd: S,
    block: &Block<'_>,
    y: &mut [f32],
    bias: [S::f32s; V],
    add: bool,
) {
    let mut pixel = 0;
    while pixel + P <= block.pixels {
        tile::<S, P, V, WHOLE>(simd, block, y, pixel, bias, add);
        pixel += P;
    }
    while pixel < block.pixels {
        tile::<S, 1, V, WHOLE>(simd, block, y, pixel, bias, add);
        pixel += 1;
    }
}

/// `P` pixels × `V` vectors.
#[inline(always)]
fn tile<S: Simd, const P: usize, const V: usize, const WHOLE: bool>(
    simd: S,
    block: &Block<'_>,
    y: &mut [f32],
    pixel: usize,
    bias: [S::f32s; V],
    add: bool,
) {
    let Block { x, x_at, x_step, lines, line, len, w, y_at, y_step, outputs, relu, .. } = *block;
    let at = |p: usize| y_at + (pixel + p) * y_step;
    let mut sums = [bias; P];
    if add {
        for (p, sums) in sums.iter_mut().enumerate() {
            let there = y.get(at(p)..at(p) + outputs).unwrap_or_default();
            *sums = channels::load::<S, V, WHOLE>(simd, there);
        }
    }
    let (vectors, _) = S::as_simd_f32s(w);
    for l in 0..lines {
        let first = x_at + l * line + pixel * x_step;
        let w = vectors.get(l * len * V..(l + 1) * len * V).unwrap_or_default();
        sums = products(simd, x.get(first..).unwrap_or_default(), x_step, w.as_chunks().0, sums);
    }
    if relu {
        for sum in sums.as_flattened_mut() {
            *sum = channels::relu(simd, *sum);
        }
    }
    for (p, sums) in sums.into_iter().enumerate() {
        let there = y.get_mut(at(p)..at(p) + outputs).unwrap_or_default();
        channels::store::<S, V, WHOLE>(simd, there, sums);
    }
}

/// Adds the products of `P` windows, `step` numbers apart, with the weights: the loop in which the
/// time goes.
#[inline(always)]
fn products<S: Simd, const P: usize, const V: usize>(
    simd: S,
    x: &[f32],
    step: usize,
    w: &[[S::f32s; V]],
    sums: [[S::f32s; V]; P],
) -> [[S::f32s; V]; P] {
    let len = w.len();
    let mut windows: [&[f32]; P] = [&[]; P];
    for (p, window) in windows.iter_mut().enumerate() {
        match x.get(p * step..).and_then(|x| x.get(..len)) {
            Some(there) => *window = there,
            None => return sums,
        }
    }
    // a copy of its own, which nothing but this loop touches, stays in registers
    let mut tile = sums;
    for i in 0..len {
        let w = w[i];
        for p in 0..P {
            let x = simd.splat_f32s(windows[p][i]);
            for v in 0..V {
                tile[p][v] = simd.mul_add_e_f32s(x, w[v], tile[p][v]);
            }
        }
    }
    tile
}

/// The gradient of weights from one example.
#[derive(Clone, Copy)]
pub(super) struct Outer<'a> {
    /// The frame.
    pub x: &'a [f32],
    /// Numbers from one window to that below and to that on its right.
    pub steps: [usize; 2],
    /// The gradient of the output.
    pub dy: &'a [f32],
    /// The first output of the block.
    pub at: usize,
    pub channels: usize,
    /// Outputs of the block that are real.
    pub outputs: usize,
    /// Rows and columns of the output.
    pub pixels: [usize; 2],
}

/// Adds the products of dy with a line of the windows, which begins at `line`: `[k][block]`.
#[inline(always)]
pub(super) fn outer<S: Simd>(
    simd: S,
    vectors: usize,
    example: Outer<'_>,
    line: usize,
    sums: &mut [f32],
) {
    let whole = example.outputs == vectors * S::F32_LANES;
    match (vectors, whole) {
        (1, true) => outers::<S, 16, 1, true>(simd, example, line, sums),
        (1, false) => outers::<S, 12, 1, false>(simd, example, line, sums),
        (2, true) if S::F32_LANES == 8 => outers::<S, 4, 2, true>(simd, example, line, sums),
        (2, true) => outers::<S, 8, 2, true>(simd, example, line, sums),
        (2, false) => outers::<S, 4, 2, false>(simd, example, line, sums),
        (_, true) => outers::<S, 4, 4, true>(simd, example, line, sums),
        (_, false) => outers::<S, 4, 4, false>(simd, example, line, sums),
    }
}

#[inline(always)]
fn outers<S: Simd, const K: usize, const V: usize, const WHOLE: bool>(
    simd: S,
    example: Outer<'_>,
    line: usize,
    sums: &mut [f32],
) {
    let (vectors, _) = S::as_mut_simd_f32s(sums);
    let (rows, _) = vectors.as_chunks_mut::<V>();
    let (tiles, rest) = rows.as_chunks_mut::<K>();
    let mut at = line;
    for tile in tiles {
        outer_tile::<S, K, V, WHOLE>(simd, &example, at, tile);
        at += K;
    }
    for tile in rest.chunks_exact_mut(1) {
        if let Ok(tile) = tile.try_into() {
            outer_tile::<S, 1, V, WHOLE>(simd, &example, at, tile);
        }
        at += 1;
    }
}

/// `K` numbers of the windows × `V` vectors of outputs, summed over the pixels.
#[inline(always)]
fn outer_tile<S: Simd, const K: usize, const V: usize, const WHOLE: bool>(
    simd: S,
    example: &Outer<'_>,
    at: usize,
    tile: &mut [[S::f32s; V]; K],
) {
    let Outer { x, steps: [down, right], dy, at: first, channels: width, outputs, pixels } = *example;
    let mut sums = *tile;
    for (oy, dy) in dy.chunks_exact((pixels[1] * width).max(1)).enumerate() {
        let x = x.get(at + oy * down..).unwrap_or_default();
        for (ox, dy) in dy.chunks_exact(width.max(1)).enumerate() {
            let Some(x) = x.get(ox * right..).and_then(<[f32]>::first_chunk::<K>) else { break };
            let Some(dy) = dy.get(first..first + outputs) else { break };
            let dy = channels::load::<S, V, WHOLE>(simd, dy);
            for k in 0..K {
                let x = simd.splat_f32s(x[k]);
                for v in 0..V {
                    sums[k][v] = simd.mul_add_e_f32s(x, dy[v], sums[k][v]);
                }
            }
        }
    }
    *tile = sums;
}

/// Adds dy over all pixels, in `outputs` of its `channels` from `first` on.
#[inline(always)]
pub(super) fn column_sums<S: Simd>(
    simd: S,
    vectors: usize,
    dy: &[f32],
    [first, outputs, channels]: [usize; 3],
    sums: &mut [f32],
) {
    channels::with_block!(S, vectors, outputs, columns(simd, dy, [first, outputs, channels], sums));
}

#[inline(always)]
fn columns<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    dy: &[f32],
    [first, outputs, channels]: [usize; 3],
    sums: &mut [f32],
) {
    let (sums, _) = S::as_mut_simd_f32s(sums);
    let Some(sums) = sums.first_chunk_mut::<V>() else { return };
    let mut total = *sums;
    for dy in dy.chunks_exact(channels.max(1)) {
        let dy = dy.get(first..first + outputs).unwrap_or_default();
        let dy = channels::load::<S, V, WHOLE>(simd, dy);
        for v in 0..V {
            total[v] = simd.add_f32s(total[v], dy[v]);
        }
    }
    *sums = total;
}
