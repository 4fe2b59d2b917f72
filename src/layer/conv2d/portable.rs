//! The taps of a kernel's row and their channels lie side by side both in the picture and in the
//! weight, so that an output is a sum of a few long dot products, four outputs abreast. The gradient
//! of an input gathers eight channels at a time over the taps; the gradient of a weight is summed
//! over all pixels in registers, four outputs by four channels at a time.

use super::Conv2d;
use crate::layer::window::{self, Line};
use crate::layer::{Backward, Forward, Weights, dense::portable::bias};
use crate::math;
use crate::shape::Shape;
use crate::update::Update;

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
        let sizes = self.sizes(io.input, io.output);
        let Some((w, b)) = io.w.split_at_checked(sizes.weight_row * sizes.out) else { return };
        let mut pixels = io.y.chunks_exact_mut(sizes.out);
        for x in io.x.chunks_exact(sizes.rows.length.max(1) * sizes.picture_row) {
            for oy in 0..sizes.rows.steps {
                for ox in 0..sizes.columns.steps {
                    let Some(y) = pixels.next() else { return };
                    if self.bias {
                        math::copy(y, b);
                    } else {
                        y.fill(0.0);
                    }
                    sizes.pixel(x, w, y, oy, ox);
                }
            }
        }
    }

    pub(in crate::layer) fn backward<U: Update>(&self, io: Backward<'_, U>) {
        let sizes = self.sizes(io.input, io.output);
        let Backward { x, dy, dx, mut weights, .. } = io;
        let picture = sizes.rows.length.max(1) * sizes.picture_row;
        let result = (sizes.rows.steps * sizes.columns.steps * sizes.out).max(1);
        for (dy, dx) in dy.chunks_exact(result).zip(dx.chunks_exact_mut(picture)) {
            sizes.input(dy, weights.w, dx);
        }
        if weights.trained {
            sizes.weights(x, dy, (picture, result), &mut weights);
            if self.bias {
                bias(dy, sizes.weight_row * sizes.out, sizes.out, &mut weights);
            }
        }
    }
}

impl Sizes {
    /// y += W · the window at (oy, ox), for all outputs y of one pixel.
    #[inline(always)]
    fn pixel(&self, x: &[f32], w: &[f32], y: &mut [f32], oy: usize, ox: usize) {
        let (rows, columns) = (self.rows.taps(oy), self.columns.taps(ox));
        // without groups, the taps of a kernel's row are one run of numbers
        let (runs, len) = match self.groups {
            1 => (1, columns.count * self.inp),
            _ => (columns.count, self.inp_of_group),
        };
        let mut window = rows.pixel * self.picture_row + columns.pixel * self.inp;
        let kernel = (rows.first * self.columns.kernel + columns.first) * self.inp_of_group;
        let groups = w.chunks_exact(self.weight_row * self.out_of_group);
        for (y, w) in y.chunks_exact_mut(self.out_of_group).zip(groups) {
            let (fours, rest) = y.as_chunks_mut::<4>();
            let mut at = kernel;
            for sums in fours {
                for (x_at, w_at) in self.runs(rows.count, runs) {
                    let first = at + w_at;
                    let w = [0, 1, 2, 3].map(|r| math::run(w, first + r * self.weight_row, len));
                    math::dots(sums, math::run(x, window + x_at, len), w);
                }
                at += 4 * self.weight_row;
            }
            for sum in rest {
                for (x_at, w_at) in self.runs(rows.count, runs) {
                    let w = math::run(w, at + w_at, len);
                    *sum = math::dot(*sum, math::run(x, window + x_at, len), w);
                }
                at += self.weight_row;
            }
            window += self.inp_of_group;
        }
    }

    /// Where the runs of a window lie in the picture and in the kernel, from the first on.
    #[inline(always)]
    fn runs(&self, rows: usize, runs: usize) -> impl Iterator<Item = (usize, usize)> {
        let (picture_row, inp) = (self.picture_row, self.inp);
        let (kernel_row, tap) = (self.columns.kernel * self.inp_of_group, self.inp_of_group);
        (0..rows).flat_map(move |ky| {
            (0..runs).map(move |kx| (ky * picture_row + kx * inp, ky * kernel_row + kx * tap))
        })
    }

    /// dx += the gradients of all windows that meet each pixel, of one example.
    fn input(&self, dy: &[f32], w: &[f32], dx: &mut [f32]) {
        let mut pixels = dx.chunks_exact_mut(self.inp);
        for iy in 0..self.rows.length {
            for ix in 0..self.columns.length {
                let Some(dx) = pixels.next() else { return };
                for (group, dx) in dx.chunks_exact_mut(self.inp_of_group).enumerate() {
                    let (eights, rest) = dx.as_chunks_mut::<8>();
                    let mut c = 0;
                    for sums in eights {
                        self.gather(sums, dy, w, [iy, ix], group, c);
                        c += 8;
                    }
                    for sum in rest {
                        self.gather(core::array::from_mut(sum), dy, w, [iy, ix], group, c);
                        c += 1;
                    }
                }
            }
        }
    }

    /// The gradients of `T` channels from channel `c` of the group on, at pixel (iy, ix).
    #[inline(always)]
    fn gather<const T: usize>(
        &self,
        sums: &mut [f32; T],
        dy: &[f32],
        w: &[f32],
        [iy, ix]: [usize; 2],
        group: usize,
        c: usize,
    ) {
        let out = group * self.out_of_group;
        let mut gathered = *sums;
        for ky in 0..self.rows.kernel {
            let Some(oy) = self.rows.window(iy, ky) else { continue };
            for kx in 0..self.columns.kernel {
                let Some(ox) = self.columns.window(ix, kx) else { continue };
                let pixel = oy * self.columns.steps + ox;
                let g = math::run(dy, pixel * self.out + out, self.out_of_group);
                let tap = ky * self.columns.kernel + kx;
                let at = out * self.weight_row + tap * self.inp_of_group + c;
                math::weigh(
                    &mut gathered,
                    g,
                    w.get(at..).unwrap_or_default(),
                    self.weight_row,
                );
            }
        }
        *sums = gathered;
    }

    /// W moves by its gradients, four outputs by four channels at a time.
    fn weights<U: Update>(
        &self,
        x: &[f32],
        dy: &[f32],
        example: (usize, usize),
        weights: &mut Weights<'_, U>,
    ) {
        for group in 0..self.groups {
            let out = group * self.out_of_group;
            let fours = self.out_of_group / 4 * 4;
            for o in (out..out + fours).step_by(4) {
                self.outputs::<4, U>(x, dy, example, group, o, weights);
            }
            for o in out + fours..out + self.out_of_group {
                self.outputs::<1, U>(x, dy, example, group, o, weights);
            }
        }
    }

    /// The weights of `R` outputs from output `o` on, which is in `group`.
    #[inline(always)]
    fn outputs<const R: usize, U: Update>(
        &self,
        x: &[f32],
        dy: &[f32],
        example: (usize, usize),
        group: usize,
        o: usize,
        weights: &mut Weights<'_, U>,
    ) {
        let inp = group * self.inp_of_group;
        let fours = self.inp_of_group / 4 * 4;
        for ky in 0..self.rows.kernel {
            for kx in 0..self.columns.kernel {
                let at = o * self.weight_row + (ky * self.columns.kernel + kx) * self.inp_of_group;
                for c in (0..fours).step_by(4) {
                    let sums = self.sums::<R, 4>(x, dy, example, [ky, kx], o, inp + c);
                    for (r, sums) in sums.into_iter().enumerate() {
                        weights.apply(at + c + r * self.weight_row, 4, sums.into_iter());
                    }
                }
                for c in fours..self.inp_of_group {
                    let sums = self.sums::<R, 1>(x, dy, example, [ky, kx], o, inp + c);
                    for (r, sums) in sums.into_iter().enumerate() {
                        weights.apply(at + c + r * self.weight_row, 1, sums.into_iter());
                    }
                }
            }
        }
    }

    /// Σ dy\[p\]\[o + r\] · x\[p · stride + k − padding\]\[c + t\] over all examples and pixels.
    #[inline(always)]
    fn sums<const R: usize, const T: usize>(
        &self,
        x: &[f32],
        dy: &[f32],
        (picture, result): (usize, usize),
        [ky, kx]: [usize; 2],
        o: usize,
        c: usize,
    ) -> [[f32; T]; R] {
        let mut sums = [[0.0; T]; R];
        let (rows, columns) = (self.rows.windows(ky), self.columns.windows(kx));
        let Some(last) = columns.count.checked_sub(1) else { return sums };
        let strides = (self.out, self.columns.stride * self.inp);
        for (x, dy) in x.chunks_exact(picture).zip(dy.chunks_exact(result)) {
            let mut g_at = (rows.first * self.columns.steps + columns.first) * self.out + o;
            let mut x_at = rows.pixel * self.picture_row + columns.pixel * self.inp + c;
            for _ in 0..rows.count {
                let g = math::run(dy, g_at, last * self.out + R);
                math::outer(&mut sums, g, x.get(x_at..).unwrap_or_default(), strides);
                g_at += self.columns.steps * self.out;
                x_at += self.rows.stride * self.picture_row;
            }
        }
        sums
    }
}
