//! The taps of a kernel's row and their channels lie side by side both in the picture and in the
//! weight, so that an output is a sum of a few long dot products, four outputs abreast. The gradient
//! of an input gathers eight channels at a time over the taps; the gradient of a weight is summed
//! over all pixels in registers, four outputs by four channels at a time.

use super::Conv2d;
use crate::layer::window::{self, Line, Run};
use crate::layer::{Backward, Forward, Weights, bias};
use crate::math;
use crate::shape::Shape;
use crate::update::Move;

/// The sizes of one convolution, all of them at least 1.
#[derive(Clone, Copy)]
struct Sizes {
    rows: Line,
    columns: Line,
    /// Channels of the input, and of one group of it.
    inp: usize,
    inp_of_group: usize,
    /// Channels of the output, and of one group of it.
    out: usize,
    out_of_group: usize,
    groups: usize,
    /// Numbers from one row of the picture to the next, and from one output's weights to the next.
    picture_row: usize,
    weight_row: usize,
}

impl Conv2d {
    fn sizes(&self, x: Shape, y: Shape) -> Sizes {
        let [rows, columns] = window::lines(x, y, self.kernel, self.stride, self.padding);
        let groups = self.groups.max(1) as usize;
        let (inp, out) = (x.channels as usize, self.out as usize);
        let inp_of_group = (inp / groups).max(1);
        Sizes {
            rows,
            columns,
            inp: inp.max(1),
            inp_of_group,
            out: out.max(1),
            out_of_group: (out / groups).max(1),
            groups,
            picture_row: (columns.length * inp).max(1),
            weight_row: (rows.kernel * columns.kernel * inp_of_group).max(1),
        }
    }

    pub(in crate::layer) fn forward(&self, io: Forward<'_>) {
        let sizes = self.sizes(*io.input, *io.output);
        let Some((w, b)) = io.w.split_at_checked(sizes.weight_row * sizes.out) else { return };
        let mut lines = io.y.chunks_exact_mut((sizes.columns.steps * sizes.out).max(1));
        for x in io.x.chunks_exact((sizes.rows.length * sizes.picture_row).max(1)) {
            for oy in 0..sizes.rows.steps {
                let Some(y) = lines.next() else { return };
                sizes.line(x, w, b, y, sizes.rows.taps(oy));
            }
        }
    }

    pub(in crate::layer) fn backward<M: Move>(&self, io: Backward<'_, M>) {
        let sizes = self.sizes(*io.input, *io.output);
        let Backward { x, dy, dx, mut weights, .. } = io;
        let picture = (sizes.rows.length * sizes.picture_row).max(1);
        let result = (sizes.rows.steps * sizes.columns.steps * sizes.out).max(1);
        for (dy, dx) in dy.chunks_exact(result).zip(dx.chunks_exact_mut(picture)) {
            sizes.input(dy, weights.w, dx);
        }
        if weights.trained {
            sizes.weights(x, dy, (picture, result), &mut weights);
            if self.bias {
                bias::apply(dy, sizes.weight_row * sizes.out, sizes.out, &mut weights);
            }
        }
    }
}

impl Sizes {
    /// One line of outputs, `[columns, out]`, whose windows have these rows of taps.
    #[inline(never)]
    fn line(&self, x: &[f32], w: &[f32], b: &[f32], y: &mut [f32], rows: Run) {
        let bias = |o: usize| b.get(o).copied().unwrap_or_default();
        for group in 0..self.groups {
            let fours = math::tiled(self.out_of_group, 4);
            for four in (0..fours).step_by(4) {
                let o = group * self.out_of_group + four;
                let start = [0, 1, 2, 3].map(|r| bias(o + r));
                let w = math::four_rows(w, o * self.weight_row, self.weight_row);
                let Some(w) = w else { return };
                let mut ox = 0;
                while ox < self.columns.steps {
                    let here = self.columns.taps(ox);
                    let at = ox * self.out + o;
                    if self.columns.pair_is_whole(ox) {
                        let [a, b] = self.window([start; 2], x, w, rows, here, group);
                        write(y, at, a);
                        write(y, at + self.out, b);
                        ox += 2;
                    } else {
                        let [a] = self.window([start], x, w, rows, here, group);
                        write(y, at, a);
                        ox += 1;
                    }
                }
            }
            for o in fours..self.out_of_group {
                let o = group * self.out_of_group + o;
                let start = bias(o);
                let Some(w) = math::run(w, o * self.weight_row, self.weight_row) else { return };
                for ox in 0..self.columns.steps {
                    let sum = self.one(start, x, w, rows, self.columns.taps(ox), group);
                    write(y, ox * self.out + o, [sum]);
                }
            }
        }
    }

    /// Four outputs, with the weights `w`, at `P` neighbouring pixels that have the same taps.
    #[inline(always)]
    fn window<const P: usize>(
        &self,
        mut sums: [[f32; 4]; P],
        x: &[f32],
        w: [&[f32]; 4],
        rows: Run,
        columns: Run,
        group: usize,
    ) -> [[f32; 4]; P] {
        let step = self.columns.stride * self.inp;
        for (x_at, w_at, len) in self.runs(rows, columns, group) {
            let w = w.map(|w| math::run(w, w_at, len));
            let x: [_; P] = core::array::from_fn(|p| math::run(x, x_at + p * step, len));
            let ([Some(a), Some(b), Some(c), Some(d)], Some(x)) = (w, math::all(x)) else {
                return sums;
            };
            sums = math::dots(sums, x, [a, b, c, d]);
        }
        sums
    }

    /// One output, with the weights `w`, at one pixel.
    #[inline(always)]
    fn one(
        &self,
        mut sum: f32,
        x: &[f32],
        w: &[f32],
        rows: Run,
        columns: Run,
        group: usize,
    ) -> f32 {
        for (x_at, w_at, len) in self.runs(rows, columns, group) {
            let (Some(x), Some(w)) = (math::run(x, x_at, len), math::run(w, w_at, len)) else {
                return sum;
            };
            sum = math::dot(sum, x, w);
        }
        sum
    }

    /// The runs of a window: where each lies in the picture and in the weights of an output, and
    /// its length. Without groups, a row of taps is one run.
    #[inline(always)]
    fn runs(
        &self,
        rows: Run,
        columns: Run,
        group: usize,
    ) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { inp, inp_of_group, picture_row, .. } = *self;
        let (runs, len) = match self.groups {
            1 => (1, columns.count * inp),
            _ => (columns.count, inp_of_group),
        };
        let x = rows.pixel * picture_row + columns.pixel * inp + group * inp_of_group;
        let w_row = self.columns.kernel * inp_of_group;
        let w = rows.first * w_row + columns.first * inp_of_group;
        (0..rows.count).flat_map(move |ky| {
            let (x, w) = (x + ky * picture_row, w + ky * w_row);
            (0..runs).map(move |kx| (x + kx * inp, w + kx * inp_of_group, len))
        })
    }

    /// dx += the gradients of all windows that meet each pixel, of one example.
    #[inline(never)]
    fn input(&self, dy: &[f32], w: &[f32], dx: &mut [f32]) {
        let eights = math::tiled(self.inp_of_group, 8);
        for (iy, dx) in dx.chunks_exact_mut(self.picture_row.max(1)).enumerate() {
            for group in 0..self.groups {
                for c in (0..eights).step_by(8) {
                    self.eight_channels(dy, w, dx, iy, (group, c));
                }
                for c in eights..self.inp_of_group {
                    self.one_channel(dy, w, dx, iy, (group, c));
                }
            }
        }
    }

    /// The gradients of eight channels of a line of pixels.
    #[inline(never)]
    fn eight_channels(
        &self,
        dy: &[f32],
        w: &[f32],
        dx: &mut [f32],
        iy: usize,
        (group, c): (usize, usize),
    ) {
        let mut at = group * self.inp_of_group + c;
        let mut ix = 0;
        while ix < self.columns.length {
            if self.columns.pair_meets_all(ix) {
                let sums = [read(dx, at), read(dx, at + self.inp)];
                let [a, b] = self.gather::<2, 8>(sums, dy, w, [iy, ix], (group, c));
                write(dx, at, a);
                write(dx, at + self.inp, b);
                ix += 2;
                at += 2 * self.inp;
            } else {
                let [a] = self.gather::<1, 8>([read(dx, at)], dy, w, [iy, ix], (group, c));
                write(dx, at, a);
                ix += 1;
                at += self.inp;
            }
        }
    }

    /// The gradient of one channel of a line of pixels.
    #[inline(never)]
    fn one_channel(
        &self,
        dy: &[f32],
        w: &[f32],
        dx: &mut [f32],
        iy: usize,
        (group, c): (usize, usize),
    ) {
        for ix in 0..self.columns.length {
            let at = ix * self.inp + group * self.inp_of_group + c;
            let [a] = self.gather::<1, 1>([read(dx, at)], dy, w, [iy, ix], (group, c));
            write(dx, at, a);
        }
    }

    /// The gradients of `T` channels from channel `c` of the group on, at `P` pixels from (iy, ix)
    /// on.
    #[inline(always)]
    fn gather<const P: usize, const T: usize>(
        &self,
        mut sums: [[f32; T]; P],
        dy: &[f32],
        w: &[f32],
        [iy, ix]: [usize; 2],
        (group, c): (usize, usize),
    ) -> [[f32; T]; P] {
        let out = group * self.out_of_group;
        let Some(w) = w.get(out * self.weight_row..) else { return sums };
        for ky in 0..self.rows.kernel {
            let Some(oy) = self.rows.window(iy, ky) else { continue };
            for kx in 0..self.columns.kernel {
                let Some(ox) = self.columns.window(ix, kx) else { continue };
                let g = (oy * self.columns.steps + ox) * self.out + out;
                let g: [_; P] = core::array::from_fn(|p| {
                    math::run(dy, g + p * self.out, self.out_of_group)
                });
                let Some(g) = math::all(g) else { return sums };
                let tap = ky * self.columns.kernel + kx;
                sums = math::weigh(sums, g, w, self.weight_row, tap * self.inp_of_group + c);
            }
        }
        sums
    }

    /// W moves by its gradients, four outputs by four channels at a time.
    #[inline(never)]
    fn weights<M: Move>(
        &self,
        x: &[f32],
        dy: &[f32],
        example: (usize, usize),
        weights: &mut Weights<'_, M>,
    ) {
        for group in 0..self.groups {
            let out = group * self.out_of_group;
            let fours = math::tiled(self.out_of_group, 4);
            for o in (out..out + fours).step_by(4) {
                self.outputs::<4, M>(x, dy, example, group, o, weights);
            }
            for o in out + fours..out + self.out_of_group {
                self.outputs::<1, M>(x, dy, example, group, o, weights);
            }
        }
    }

    /// The weights of `R` outputs from output `o` on, which is in `group`.
    #[inline(never)]
    fn outputs<const R: usize, M: Move>(
        &self,
        x: &[f32],
        dy: &[f32],
        example: (usize, usize),
        group: usize,
        o: usize,
        weights: &mut Weights<'_, M>,
    ) {
        let inp = group * self.inp_of_group;
        let fours = math::tiled(self.inp_of_group, 4);
        for ky in 0..self.rows.kernel {
            for kx in 0..self.columns.kernel {
                let at = o * self.weight_row + (ky * self.columns.kernel + kx) * self.inp_of_group;
                for c in (0..fours).step_by(4) {
                    let begun = |r| weights.begun(at + c + r * self.weight_row);
                    let begun = core::array::from_fn(begun);
                    let sums = self.sums::<R, 4>(begun, (x, dy), example, [ky, kx], [o, inp + c]);
                    for (r, sums) in sums.into_iter().enumerate() {
                        weights.apply(at + c + r * self.weight_row, 4, sums.into_iter());
                    }
                }
                for c in fours..self.inp_of_group {
                    let begun = |r| weights.begun(at + c + r * self.weight_row);
                    let begun = core::array::from_fn(begun);
                    let sums = self.sums::<R, 1>(begun, (x, dy), example, [ky, kx], [o, inp + c]);
                    for (r, sums) in sums.into_iter().enumerate() {
                        weights.apply(at + c + r * self.weight_row, 1, sums.into_iter());
                    }
                }
            }
        }
    }

    /// `Σ dy[p][o + r] · x[p · stride + k − padding][c + t]` over all examples and pixels, on top of `sums`.
    #[inline(always)]
    fn sums<const R: usize, const T: usize>(
        &self,
        mut sums: [[f32; T]; R],
        (x, dy): (&[f32], &[f32]),
        (picture, result): (usize, usize),
        [ky, kx]: [usize; 2],
        [o, c]: [usize; 2],
    ) -> [[f32; T]; R] {
        let (rows, columns) = (self.rows.windows(ky), self.columns.windows(kx));
        let step = self.columns.stride * self.inp;
        // the last pixel of a line with strides may have fewer numbers behind it than a step
        let last = columns.count.min((self.columns.stride > 1) as usize);
        let before = columns.count - last;
        for (x, dy) in x.chunks_exact(picture.max(1)).zip(dy.chunks_exact(result.max(1))) {
            for row in 0..rows.count {
                let g = ((rows.first + row) * self.columns.steps + columns.first) * self.out;
                let y = rows.pixel + row * self.rows.stride;
                let x_at = y * self.picture_row + columns.pixel * self.inp;
                for (first, pixels, width) in [(0, before, step), (before, last, self.inp)] {
                    if pixels == 0 {
                        continue;
                    }
                    let g = math::run(dy, g + first * self.out, pixels * self.out);
                    let x = math::run(x, x_at + first * step, pixels * width);
                    let (Some(g), Some(x)) = (g, x) else { return sums };
                    sums = math::outer(sums, (g, o), (x, c), (self.out, width));
                }
            }
        }
        sums
    }
}

/// A few numbers from index `at` on.
#[inline(always)]
fn read<const T: usize>(all: &[f32], at: usize) -> [f32; T] {
    all.get(at..).and_then(<[f32]>::first_chunk).copied().unwrap_or([0.0; T])
}

/// Writes a few numbers from index `at` on.
#[inline(always)]
fn write<const T: usize>(y: &mut [f32], at: usize, values: [f32; T]) {
    if let Some(y) = y.get_mut(at..).and_then(<[f32]>::first_chunk_mut) {
        *y = values;
    }
}
