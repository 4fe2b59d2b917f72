//! A direct convolution in registers: a tile of a few pixels by a few vectors of output channels
//! stays in registers while the taps and channels of its windows run by. Each number of the picture is
//! read once and spread over a vector; each vector of weights serves all pixels of the tile.
//!
//! The picture is first copied into a frame of zeros, so that no window meets a border, and the weights
//! are packed by blocks of output channels, so that they are read in order. The gradient of the
//! input is again a convolution, of the output's gradient by the turned weights; with a stride s there are
//! s² of them, one for each remainder of a pixel's place. The gradient of the weights keeps a tile of
//! them in registers while the pixels run by.

use super::host::{Kernels, Picture, Sizes};
use super::sparse::Line;
use super::tile::{self, Block, Frame, Packing, Taps};
use pulp::{Arch, Simd, WithSimd};

/// The kernels of a convolution of any size, in one group.
#[derive(Clone, Copy)]
pub(super) struct Direct(pub Sizes);

impl Kernels for Direct {
    fn packed(&self) -> usize {
        Packing::room(self.0.row() + 1, self.0.y.channels)
    }

    /// The weights as they are for a line's sparse gradients, and packed: all classes together have every
    /// tap once.
    fn packed_turned(&self) -> usize {
        self.of_line() + Packing::room(self.0.taps() * self.0.y.channels, self.0.x.channels)
    }

    fn forward_room(&self) -> usize {
        self.0.frame().len()
    }

    /// A line's sums from sparse gradients, and both frames.
    fn backward_room(&self) -> usize {
        self.of_line() + self.0.turned_frame().len() + self.0.frame().len()
    }

    fn near(&self) -> usize {
        1
    }

    fn begin(&self, room: &mut [f32]) {
        room.fill(0.0);
    }

    fn pack(&self, arch: Arch, w: &[f32], packed: &mut [f32]) {
        arch.dispatch(PackForward { sizes: self.0, w, packed });
    }

    fn pack_turned(&self, arch: Arch, w: &[f32], packed: &mut [f32]) {
        let (own, packed) = packed.split_at_mut(self.of_line());
        own.copy_from_slice(w.get(..own.len()).unwrap_or_default());
        arch.dispatch(PackTurned { sizes: self.0, w, packed });
    }

    fn forward(
        &self,
        arch: Arch,
        [x, packed, b]: [&[f32]; 3],
        y: &mut [f32],
        frame: &mut [f32],
        relu: bool,
    ) {
        let sizes = self.0;
        sizes.frame().hold(frame, x);
        arch.dispatch(ForwardExample { sizes, frame, packed, b, y, relu });
    }

    fn input_gradient(
        &self,
        arch: Arch,
        [dy, packed]: [&[f32]; 2],
        dx: &mut [f32],
        room: &mut [f32],
        fresh: bool,
    ) {
        let (sizes, around) = (self.0, self.0.turned_frame());
        let (own, packed) = packed.split_at(self.of_line());
        if let Some(line) = Line::of(&sizes)
            && Line::is_sparse(dy)
        {
            return line.input_gradient(arch, [dy, own], dx, fresh);
        }
        let frame = room.get_mut(own.len()..own.len() + around.len()).unwrap_or_default();
        around.hold(frame, dy);
        arch.dispatch(InputExample { sizes, frame, packed, dx, fresh });
    }

    fn weights_gradient(
        &self,
        arch: Arch,
        [x, dy]: [&[f32]; 2],
        room: &mut [f32],
        sums: &mut [f32],
    ) {
        let sizes = self.0;
        let (own, frames) = room.split_at_mut(self.of_line());
        if let Some(line) = Line::of(&sizes)
            && Line::is_sparse(dy)
        {
            return line.weights_gradient(arch, [x, dy], own);
        }
        let frame = frames.get_mut(sizes.turned_frame().len()..).unwrap_or_default();
        sizes.frame().hold(frame, x);
        arch.dispatch(WeightsExample { sizes, frame, dy, sums });
    }

    fn finish(&self, arch: Arch, room: &[f32], sums: &mut [f32]) {
        let own = room.get(..self.of_line()).unwrap_or_default();
        if !own.is_empty() {
            arch.dispatch(Gather { sizes: self.0, own, sums });
        }
    }
}

impl Direct {
    /// Numbers of the weights of a line; 0 for a picture.
    fn of_line(&self) -> usize {
        Line::of(&self.0).map_or(0, |line| line.weights())
    }
}

/// Adds sums in the order of the weights to those in the order of the packed.
struct Gather<'a> {
    sizes: Sizes,
    own: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sizes, own, sums } = self;
        let packing = Packing::new::<S>(sizes.row() + 1, sizes.y.channels);
        for (o, own) in own.chunks_exact(sizes.row()).enumerate() {
            for (sum, own) in packing.column_mut(sums, o).zip(own) {
                *sum += own;
            }
        }
    }
}

impl Sizes {
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
}

impl WithSimd for WeightsExample<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sizes, frame, dy, sums } = self;
        let Sizes { y, kernel: [kh, kw], stride, .. } = sizes;
        let inp = sizes.x.channels;
        let packing = Packing::new::<S>(sizes.row() + 1, y.channels);
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
        }
    }
}
