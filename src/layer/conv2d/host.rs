//! Convolutions on the host: how a batch is cut, and what all kernels share. Runs of examples are
//! convolved by themselves and have sums of their own for the gradient of the weights, which are added up
//! in order. Convolutions of 3 × 3 taps take Winograd's kernels (`winograd.rs`), others direct ones
//! (`direct.rs`), and those of a single tap are dense layers over all pixels.

use super::Conv2d;
use super::direct::Direct;
use super::tile::{self, Packing};
use super::winograd::Winograd;
use crate::layer::host::{Host, TASKS, share, tame};
use crate::layer::{Backward, Forward, Weights, dense};
use crate::shape::Shape;
use crate::update::Move;
use core::sync::atomic::Ordering;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// A way to convolve. Pictures are of one or more examples, as many as are [`near`](Self::near) each other.
pub(super) trait Kernels: Copy + Sync {
    /// Numbers of the weights, packed for the forward pass, and for the gradient of the input.
    fn packed(&self) -> usize;
    fn packed_turned(&self) -> usize;
    /// Numbers that one run works with, in the forward and in the backward pass.
    fn forward_room(&self) -> usize;
    fn backward_room(&self) -> usize;
    /// Examples that are best taken together.
    fn near(&self) -> usize;
    /// Makes the room of a run ready, for either pass.
    fn begin(&self, room: &mut [f32]);
    fn pack(&self, arch: Arch, w: &[f32], packed: &mut [f32]);
    fn pack_turned(&self, arch: Arch, w: &[f32], packed: &mut [f32]);
    /// y from the pictures, the packed weights, and the biases.
    fn forward(
        &self,
        arch: Arch,
        x_packed_b: [&[f32]; 3],
        y: &mut [f32],
        room: &mut [f32],
        relu: bool,
    );
    /// dx from dy and the packed weights; where it is not `fresh`, it is added.
    fn input_gradient(
        &self,
        arch: Arch,
        dy_packed: [&[f32]; 2],
        dx: &mut [f32],
        room: &mut [f32],
        fresh: bool,
    );
    /// Adds to the sums of a run, `[block][tap, channel][output]`, or to what [`finish`](Self::finish)
    /// makes them from.
    fn weights_gradient(
        &self,
        arch: Arch,
        x_dy: [&[f32]; 2],
        room: &mut [f32],
        sums: &mut [f32],
    );
    fn finish(&self, arch: Arch, room: &[f32], sums: &mut [f32]);
}

/// All sizes of a convolution, as its kernels need them.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub x: Picture,
    pub y: Picture,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

#[derive(Clone, Copy)]
pub(super) struct Picture {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Picture {
    fn of(shape: Shape) -> Self {
        Self {
            height: shape.height as usize,
            width: shape.width as usize,
            channels: shape.channels as usize,
        }
    }

    pub const fn len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Calls a method of [`Sizes`] with the kernels of these sizes.
macro_rules! with_kernels {
    ($sizes:expr, $method:ident ( $($argument:expr),* )) => {
        match Winograd::of(&$sizes) {
            Some(kernels) => $sizes.$method(kernels, $($argument),*),
            None => $sizes.$method(Direct($sizes), $($argument),*),
        }
    };
}

impl Conv2d {
    /// Whether each pixel is mapped by itself: then it is a dense layer over all pixels.
    pub(in crate::layer) const fn is_linear(&self) -> bool {
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
    pub(in crate::layer) fn scratch(&self, x: Shape, y: Shape, batch: usize) -> usize {
        if self.is_linear() {
            return dense::scratch(x.channels as usize, self.out as usize);
        }
        if self.groups != 1 {
            return 0;
        }
        let sizes = self.host_sizes(x, y);
        with_kernels!(sizes, scratch(batch))
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
            with_kernels!(sizes, forward(io, host));
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
        with_kernels!(sizes, backward(self.bias, io, host));
    }
}

impl Sizes {
    pub const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Weights of one output.
    pub const fn row(&self) -> usize {
        self.taps() * self.x.channels
    }

    const fn weights(&self) -> usize {
        self.y.channels * self.row()
    }

    /// Sums of one run of examples: the gradients of the weights and of the biases.
    const fn sums(&self) -> usize {
        Packing::room(self.row() + 1, self.y.channels)
    }

    fn scratch(&self, kernels: impl Kernels, batch: usize) -> usize {
        // fewer examples may be more runs, yet never more than either
        let runs = batch.min(TASKS);
        let forward = kernels.packed() + runs * kernels.forward_room();
        forward.max(kernels.packed_turned() + runs * (self.sums() + kernels.backward_room()))
    }

    fn forward(&self, kernels: impl Kernels, io: Forward<'_>, host: &mut Host<'_>) {
        let Some((w, b)) = io.w.split_at_checked(self.weights()) else { return };
        let (packed, rooms) = host.scratch.split_at_mut(kernels.packed());
        let (arch, relu) = (host.arch, host.relu);
        kernels.pack(arch, w, packed);
        let packed = &*packed;
        let (x_len, y_len) = (self.x.len(), self.y.len());
        let (examples, near) = (share(io.x.len() / x_len), kernels.near());
        let runs = io.y.par_chunks_mut(examples * y_len).zip(io.x.par_chunks(examples * x_len));
        runs.zip(rooms.par_chunks_mut(kernels.forward_room())).for_each(|((y, x), room)| {
            kernels.begin(room);
            for (y, x) in y.chunks_mut(near * y_len).zip(x.chunks(near * x_len)) {
                kernels.forward(arch, [x, packed, b], y, room, relu);
            }
        });
    }

    /// A few examples at a time, while their numbers are near: dy is masked, dx computed, and the gradient
    /// of the weights added to the sums of the run.
    fn backward<M: Move>(
        &self,
        kernels: impl Kernels,
        bias: bool,
        io: Backward<'_, M>,
        host: &mut Host<'_>,
    ) {
        let (sizes, arch, fresh, mask) = (*self, host.arch, host.fresh[0], host.mask);
        let Backward { x, dy, dx, mut weights, .. } = io;
        let (packed, rooms) = host.scratch.split_at_mut(kernels.packed_turned());
        if !dx.is_empty() {
            kernels.pack_turned(arch, weights.w, packed);
        }
        let (packed, trained, sums) = (&*packed, weights.trained, self.sums());
        let (x_len, y_len) = (self.x.len(), self.y.len());
        let (count, near) = (dy.len() / y_len, kernels.near());
        let examples = share(count);
        let run = |i: usize, room: &mut [f32], dy: &mut [f32], mut dx: Option<&mut [f32]>| {
            let (sums, room) = room.split_at_mut(sums);
            sums.fill(0.0);
            kernels.begin(room);
            for (n, dy) in dy.chunks_mut(near * y_len).enumerate() {
                let (first, here) = (i * examples + n * near, dy.len() / y_len);
                if let Some(y) = mask.get(first * y_len..(first + here) * y_len) {
                    arch.dispatch(
                        #[inline(always)]
                        || dy.iter_mut().zip(y).for_each(|(dy, y)| {
                            *dy = if *y > 0.0 { *dy } else { 0.0 };
                        }),
                    );
                }
                let at = n * near * x_len;
                let dx = dx.as_deref_mut().and_then(|dx| dx.get_mut(at..at + here * x_len));
                if let Some(dx) = dx {
                    kernels.input_gradient(arch, [dy, packed], dx, room, fresh);
                }
                if trained && let Some(x) = x.get(first * x_len..(first + here) * x_len) {
                    kernels.weights_gradient(arch, [x, dy], room, sums);
                    if bias {
                        arch.dispatch(BiasSums { sizes, dy, sums });
                    }
                }
            }
            kernels.finish(arch, room, sums);
        };
        let room = sums + kernels.backward_room();
        let places = rooms.par_chunks_mut(room).zip(dy.par_chunks_mut(examples * y_len));
        if dx.is_empty() {
            places.enumerate().for_each(|(i, (room, dy))| run(i, room, dy, None));
        } else {
            let places = places.zip(dx.par_chunks_mut(examples * x_len)).enumerate();
            places.for_each(|(i, ((room, dy), dx))| run(i, room, dy, Some(dx)));
        }
        if trained {
            add_up(rooms, [room, sums], count.div_ceil(examples), arch);
            let sums = rooms.get(..sums).unwrap_or_default();
            if tame(sums) {
                arch.dispatch(Apply { sizes, sums, weights: &mut weights, bias });
            } else {
                host.diverged.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Adds the sums of all runs, at the beginning of their rooms, to those of the first, in their order.
fn add_up(rooms: &mut [f32], [room, sums]: [usize; 2], runs: usize, arch: Arch) {
    let Some((first, others)) = rooms.split_at_mut_checked(room) else { return };
    let (others, part) = (&*others, share(sums));
    let first = first.get_mut(..sums).unwrap_or_default();
    first.par_chunks_mut(part).enumerate().for_each(|(i, first)| {
        for other in others.chunks_exact(room).take(runs - 1) {
            let other = other.get(i * part..).unwrap_or_default();
            arch.dispatch(
                #[inline(always)]
                || first.iter_mut().zip(other).for_each(|(sum, more)| *sum += more),
            );
        }
    });
}

/// Adds dy over all pixels of some examples to the last row of each block.
struct BiasSums<'a> {
    sizes: Sizes,
    dy: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for BiasSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sizes, dy, sums } = self;
        let channels = sizes.y.channels;
        let packing = Packing::new::<S>(sizes.row() + 1, channels);
        for (o, sums) in packing.blocks_mut(sums) {
            let outputs = (channels - o).min(packing.width);
            let here = sums.get_mut(sizes.row() * packing.width..).unwrap_or_default();
            tile::column_sums(simd, packing.vectors, dy, [o, outputs, channels], here);
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
