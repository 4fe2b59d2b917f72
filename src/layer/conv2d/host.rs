//! A direct convolution in registers: a tile of a few pixels by a few vectors of output channels
//! stays in registers while the taps and channels of its windows run by. Each number of the picture is
//! read once and spread over a vector; each vector of weights serves all pixels of the tile.
//!
//! The picture is first copied into a frame of zeros, so that no window meets a border, and the weights
//! are packed by blocks of output channels, so that they are read in order. The gradient of the
//! input is again a convolution, of the output's gradient by the turned weights; with a stride s there are
//! s² of them, one for each remainder of a pixel's place. The gradient of the weights keeps a tile of
//! them in registers while the pixels run by; runs of examples have sums of their own, which are added up in
//! order.

use super::Conv2d;
use super::tile::{self, Block, Frame, Packing, Taps};
use crate::layer::host::{Host, TASKS, share, tame};
use crate::layer::{Backward, Forward, Weights, dense};
use crate::shape::Shape;
use crate::update::Move;
use core::sync::atomic::Ordering;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// All sizes of a convolution, as its kernels need them.
#[derive(Clone, Copy)]
struct Sizes {
    x: Picture,
    y: Picture,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

#[derive(Clone, Copy)]
struct Picture {
    height: usize,
    width: usize,
    channels: usize,
}

impl Picture {
    fn of(shape: Shape) -> Self {
        Self {
            height: shape.height as usize,
            width: shape.width as usize,
            channels: shape.channels as usize,
        }
    }

    const fn len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl Conv2d {
    /// Whether each pixel is mapped by itself: then it is a dense layer over all pixels.
    const fn is_linear(&self) -> bool {
        let ([kh, kw], [sh, sw], [ph, pw]) = (self.kernel, self.stride, self.padding);
        kh * kw == 1 && sh * sw == 1 && ph + pw == 0 && self.groups == 1
    }

    fn host_sizes(&self, x: Shape, y: Shape) -> Sizes {
        let wide = |[a, b]: [u32; 2]| [a as usize, b as usize];
        let (x, y) = (Picture::of(x), Picture::of(y));
        let (kernel, stride, padding) = (wide(self.kernel), wide(self.stride), wide(self.padding));
        Sizes { x, y, kernel, stride, padding }
    }

    /// Numbers of scratch for a batch.
    pub(in crate::layer) fn scratch(&self, x: Shape, y: Shape, _batch: usize) -> usize {
        if self.is_linear() {
            return dense::scratch(x.channels as usize, self.out as usize);
        }
        if self.groups != 1 {
            return 0;
        }
        let sizes = self.host_sizes(x, y);
        let forward = sizes.packed() + TASKS * sizes.frame().len();
        forward.max(sizes.packed_turned() + TASKS * sizes.backward_room())
    }

    /// Whether the kernels take the rectifier that follows along.
    pub(in crate::layer) const fn rectifies(&self) -> bool {
        self.groups == 1 && !self.is_linear()
    }

    pub(in crate::layer) fn forward_host(&self, io: Forward<'_>, host: &mut Host<'_>) {
        if self.is_linear() {
            let (inp, out) = (io.input.channels as usize, self.out as usize);
            dense::forward_linear((inp, out), io, host);
        } else if self.groups != 1 {
            self.forward_grouped(io);
        } else {
            let sizes = self.host_sizes(*io.input, *io.output);
            let Some((w, b)) = io.w.split_at_checked(sizes.weights()) else { return };
            let (packed, frames) = host.scratch.split_at_mut(sizes.packed());
            let (arch, relu) = (host.arch, host.relu);
            arch.dispatch(PackForward { sizes, w, packed });
            let packed = &*packed;
            let (x_len, y_len) = (sizes.x.len(), sizes.y.len());
            let examples = share(io.x.len() / x_len);
            let runs = io.y.par_chunks_mut(examples * y_len).zip(io.x.par_chunks(examples * x_len));
            runs.zip(frames.par_chunks_mut(sizes.frame().len())).for_each(|((y, x), frame)| {
                frame.fill(0.0);
                for (y, x) in y.chunks_exact_mut(y_len).zip(x.chunks_exact(x_len)) {
                    sizes.frame().hold(frame, x);
                    let frame = &*frame;
                    arch.dispatch(ForwardExample { sizes, frame, packed, b, y, relu });
                }
            });
        }
    }

    /// The meaning's kernel, an example at a time.
    fn forward_grouped(&self, io: Forward<'_>) {
        let Forward { input, output, x, w, y, chance, .. } = io;
        let (x_len, y_len) = (input.len().max(1), output.len().max(1));
        y.par_chunks_mut(y_len).zip(x.par_chunks(x_len)).for_each(|(y, x)| {
            let (second, saved) = (&[][..], &mut [][..]);
            self.forward(Forward { input, output, x, second, w, saved, y, chance });
        });
    }

    pub(in crate::layer) fn backward_host<M: Move + Sync>(
        &self,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        if self.is_linear() {
            let (inp, out) = (io.input.channels as usize, self.out as usize);
            return dense::backward_linear((inp, out, self.bias), io, host);
        }
        if self.groups != 1 {
            if host.fresh[0] {
                io.dx.fill(0.0);
            }
            return self.backward(io);
        }
        let sizes = self.host_sizes(*io.input, *io.output);
        sizes.backward(self.bias, io, host);
    }
}

impl Sizes {
    const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Weights of one output.
    const fn row(&self) -> usize {
        self.taps() * self.x.channels
    }

    const fn weights(&self) -> usize {
        self.y.channels * self.row()
    }

    const fn packed(&self) -> usize {
        Packing::room(self.row() + 1, self.y.channels)
    }

    /// The picture with its padding.
    fn frame(&self) -> Frame {
        let reach = |axis: usize, steps: usize, length: usize| {
            let need = (steps - 1) * self.stride[axis] + self.kernel[axis];
            need.max(self.padding[axis] + length)
        };
        let Picture { height, width, channels } = self.x;
        Frame {
            inner: [height, width],
            outer: [reach(0, self.y.height, height), reach(1, self.y.width, width)],
            before: self.padding,
            channels,
        }
    }

    /// Along an axis, the pixels whose place leaves the remainder `rest`.
    fn class(&self, axis: usize, rest: usize) -> Taps {
        let length = [self.x.height, self.x.width][axis];
        Taps::turned(self.kernel[axis], self.stride[axis], self.padding[axis], rest, length)
    }

    /// The output's gradient with zeros around it, so that every class of pixels stays within.
    fn turned_frame(&self) -> Frame {
        let (mut before, mut outer) = ([0, 0], [self.y.height, self.y.width]);
        for axis in [0, 1] {
            let classes = (0..self.stride[axis]).map(|rest| self.class(axis, rest));
            before[axis] = classes.clone().map(|c| c.before).max().unwrap_or(0);
            let reach = classes.map(|c| before[axis] + c.behind(before[axis])).max().unwrap_or(0);
            outer[axis] = reach.max(before[axis] + outer[axis]);
        }
        let Picture { height, width, channels } = self.y;
        Frame { inner: [height, width], outer, before, channels }
    }

    /// All classes together have every tap once.
    const fn packed_turned(&self) -> usize {
        Packing::room(self.taps() * self.y.channels, self.x.channels)
    }

    /// Sums of one run of examples: the gradients of the weights and of the biases.
    const fn sums(&self) -> usize {
        Packing::room(self.row() + 1, self.y.channels)
    }

    /// Numbers that one run works with: both frames, and sums for the weights.
    fn backward_room(&self) -> usize {
        self.turned_frame().len() + self.frame().len() + self.sums()
    }

    /// An example at a time, while its numbers are near: dy is masked, dx computed, and the gradient of
    /// the weights added to the sums of the run.
    fn backward<M: Move>(&self, bias: bool, io: Backward<'_, M>, host: &mut Host<'_>) {
        let (sizes, arch, fresh, mask) = (*self, host.arch, host.fresh[0], host.mask);
        let Backward { x, dy, dx, mut weights, .. } = io;
        let (packed, rooms) = host.scratch.split_at_mut(self.packed_turned());
        if !dx.is_empty() {
            arch.dispatch(PackTurned { sizes, w: weights.w, packed });
        }
        let (packed, trained) = (&*packed, weights.trained);
        let (x_len, y_len) = (self.x.len(), self.y.len());
        let (turned_of, frame_of, room) =
            (self.turned_frame(), self.frame(), self.backward_room());
        let count = dy.len() / y_len;
        let examples = share(count);
        let run = |i: usize, room: &mut [f32], dy: &mut [f32], mut dx: Option<&mut [f32]>| {
            room.fill(0.0);
            let (turned, room) = room.split_at_mut(turned_of.len());
            let (frame, sums) = room.split_at_mut(frame_of.len());
            for (n, dy) in dy.chunks_exact_mut(y_len).enumerate() {
                let example = i * examples + n;
                if let Some(y) = mask.get(example * y_len..(example + 1) * y_len) {
                    arch.dispatch(
                        #[inline(always)]
                        || dy.iter_mut().zip(y).for_each(|(dy, y)| {
                            *dy = if *y > 0.0 { *dy } else { 0.0 };
                        }),
                    );
                }
                let dx = dx.as_deref_mut().and_then(|dx| dx.get_mut(n * x_len..(n + 1) * x_len));
                if let Some(dx) = dx {
                    turned_of.hold(turned, dy);
                    arch.dispatch(InputExample { sizes, frame: turned, packed, dx, fresh });
                }
                if trained && let Some(x) = x.get(example * x_len..(example + 1) * x_len) {
                    frame_of.hold(frame, x);
                    arch.dispatch(WeightsExample { sizes, frame, dy, sums, bias });
                }
            }
        };
        let places = rooms.par_chunks_mut(room).zip(dy.par_chunks_mut(examples * y_len));
        if dx.is_empty() {
            places.enumerate().for_each(|(i, (room, dy))| run(i, room, dy, None));
        } else {
            let places = places.zip(dx.par_chunks_mut(examples * x_len)).enumerate();
            places.for_each(|(i, ((room, dy), dx))| run(i, room, dy, Some(dx)));
        }
        if trained {
            let runs = count.div_ceil(examples);
            self.add_up(rooms, runs, arch);
            let sums = rooms.get(room - self.sums()..room).unwrap_or_default();
            if tame(sums) {
                arch.dispatch(Apply { sizes, sums, weights: &mut weights, bias });
            } else {
                host.diverged.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Adds the sums of all runs to those of the first, in their order.
    fn add_up(&self, rooms: &mut [f32], runs: usize, arch: Arch) {
        let (room, sums) = (self.backward_room(), self.sums());
        let Some((first, others)) = rooms.split_at_mut_checked(room) else { return };
        let (others, part) = (&*others, share(sums));
        let first = first.get_mut(room - sums..).unwrap_or_default();
        first.par_chunks_mut(part).enumerate().for_each(|(i, first)| {
            for other in others.chunks_exact(room).take(runs - 1) {
                let other = other.get(room - sums + i * part..).unwrap_or_default();
                arch.dispatch(
                    #[inline(always)]
                    || first.iter_mut().zip(other).for_each(|(sum, more)| *sum += more),
                );
            }
        });
    }
}

/// Weights in the order of the forward pass, the biases behind them.
struct PackForward<'a> {
    sizes: Sizes,
    w: &'a [f32],
    packed: &'a mut [f32],
}

impl WithSimd for PackForward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sizes, w, packed } = self;
        let row = sizes.row();
        let packing = Packing::new::<S>(row, sizes.y.channels);
        packing.pack(packed, |k, o| w.get(o * row + k).copied().unwrap_or_default());
    }
}

/// Weights in the order of the gradient of the input, class after class.
struct PackTurned<'a> {
    sizes: Sizes,
    w: &'a [f32],
    packed: &'a mut [f32],
}

impl WithSimd for PackTurned<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sizes, w, packed } = self;
        let (inp, out) = (sizes.x.channels, sizes.y.channels);
        let [sh, sw] = sizes.stride;
        let mut rest = packed;
        for (ry, rx) in (0..sh).flat_map(|ry| (0..sw).map(move |rx| (ry, rx))) {
            let (rows, columns) = (sizes.class(0, ry), sizes.class(1, rx));
            let packing = Packing::new::<S>(rows.count * columns.count * out, inp);
            let (here, behind) = rest.split_at_mut(packing.len());
            packing.pack(here, |k, c| {
                let (o, tap) = (k % out, k / out);
                let [ky, kx] =
                    [rows.tap(tap / columns.count), columns.tap(tap % columns.count)];
                let at = o * sizes.row() + (ky * sizes.kernel[1] + kx) * inp + c;
                w.get(at).copied().unwrap_or_default()
            });
            rest = behind;
        }
    }
}

struct ForwardExample<'a> {
    sizes: Sizes,
    frame: &'a [f32],
    packed: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
    relu: bool,
}

impl WithSimd for ForwardExample<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sizes, frame, packed, b, y, relu } = self;
        let Sizes { y: Picture { width, channels, .. }, kernel: [kh, kw], stride, .. } = sizes;
        let inp = sizes.x.channels;
        let packing = Packing::new::<S>(sizes.row(), channels);
        let line = sizes.frame().outer[1] * inp;
        for (o, w) in packing.blocks(packed) {
            for (oy, y) in y.chunks_exact_mut(width * channels).enumerate() {
                let block = Block {
                    x: frame,
                    x_at: oy * stride[0] * line,
                    x_step: stride[1] * inp,
                    lines: kh,
                    line,
                    len: kw * inp,
                    w,
                    y_at: o,
                    y_step: channels,
                    pixels: width,
                    outputs: (channels - o).min(packing.width),
                    relu,
                };
                let start = tile::Start::Bias(b.get(o..).unwrap_or_default());
                tile::row(simd, packing.vectors, block, y, start);
            }
        }
    }
}

struct InputExample<'a> {
    sizes: Sizes,
    frame: &'a [f32],
    packed: &'a [f32],
    dx: &'a mut [f32],
    fresh: bool,
}

impl WithSimd for InputExample<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sizes, frame, packed, dx, fresh } = self;
        let (inp, out) = (sizes.x.channels, sizes.y.channels);
        let [sh, sw] = sizes.stride;
        let around = sizes.turned_frame();
        let line = around.outer[1] * out;
        let mut rest = packed;
        for (ry, rx) in (0..sh).flat_map(|ry| (0..sw).map(move |rx| (ry, rx))) {
            let (rows, columns) = (sizes.class(0, ry), sizes.class(1, rx));
            let packing = Packing::new::<S>(rows.count * columns.count * out, inp);
            let (here, behind) = rest.split_at(packing.len());
            rest = behind;
            for (c, w) in packing.blocks(here) {
                for i in 0..rows.pixels {
                    let iy = i * sh + ry;
                    let at = iy * sizes.x.width * inp;
                    let dx = dx.get_mut(at..).unwrap_or_default();
                    let (oy, ox) = (rows.at(i, around.before[0]), columns.at(0, around.before[1]));
                    let block = Block {
                        x: frame,
                        x_at: oy * line + ox * out,
                        x_step: out,
                        lines: rows.count,
                        line,
                        len: columns.count * out,
                        w,
                        y_at: rx * inp + c,
                        y_step: sw * inp,
                        pixels: columns.pixels,
                        outputs: (inp - c).min(packing.width),
                        relu: false,
                    };
                    let start = if fresh { tile::Start::Bias(&[]) } else { tile::Start::Add };
                    tile::row(simd, packing.vectors, block, dx, start);
                }
            }
        }
    }
}

struct WeightsExample<'a> {
    sizes: Sizes,
    frame: &'a [f32],
    dy: &'a [f32],
    sums: &'a mut [f32],
    bias: bool,
}

impl WithSimd for WeightsExample<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sizes, frame, dy, sums, bias } = self;
        let Sizes { y, kernel: [kh, kw], stride, .. } = sizes;
        let inp = sizes.x.channels;
        let row = sizes.row();
        let packing = Packing::new::<S>(row + 1, y.channels);
        let line = sizes.frame().outer[1] * inp;
        for (o, sums) in packing.blocks_mut(sums) {
            let outer = tile::Outer {
                x: frame,
                steps: [stride[0] * line, stride[1] * inp],
                dy,
                at: o,
                channels: y.channels,
                outputs: (y.channels - o).min(packing.width),
                pixels: [y.height, y.width],
            };
            for ky in 0..kh {
                let at = ky * kw * inp * packing.width;
                let here = sums.get_mut(at..at + kw * inp * packing.width).unwrap_or_default();
                tile::outer(simd, packing.vectors, outer, ky * line, here);
            }
            if bias {
                let here = sums.get_mut(row * packing.width..).unwrap_or_default();
                tile::column_sums(simd, packing.vectors, outer, here);
            }
        }
    }
}

/// Moves the weights by the sums of all runs.
struct Apply<'a, 'b, M> {
    sizes: Sizes,
    sums: &'a [f32],
    weights: &'a mut Weights<'b, M>,
    bias: bool,
}

impl<M: Move> WithSimd for Apply<'_, '_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sizes, sums, weights, bias } = self;
        let (row, out) = (sizes.row(), sizes.y.channels);
        let packing = Packing::new::<S>(row + 1, out);
        for o in 0..out {
            weights.apply(o * row, row, packing.column(sums, o).take(row));
        }
        if bias {
            let sums = (0..out).filter_map(|o| packing.column(sums, o).nth(row));
            weights.apply_vector(row * out, out, sums);
        }
    }
}
