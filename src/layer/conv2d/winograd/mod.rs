//! Winograd's minimal filtering F(2×2, 3×3): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A computes 2 × 2 outputs from a
//! window d of 4 × 4 by 16 multiplications a channel instead of 36 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2016, §4.1).
//!
//! Windows are taken in groups. Each of the 16 places of the turned windows is a product of matrices,
//! `[window][channel] · [channel][output]`, in the tiles of `tile.rs`. The gradient of the input is such
//! a convolution by the turned weights, and that of the weights is the rule read backwards:
//! dg = Gᵀ[Σ (A dy Aᵀ) ⊙ (Bᵀ d B)]G, folded once for a run of examples.

mod pictures;
mod weights;

use super::host::{Kernels, Picture, Sizes};
use super::tile::{self, Block, Packing};
use pictures::{Last, turn_back, turn_outputs, turn_windows, with_vectors};
use pulp::{Arch, Simd, WithSimd};
use weights::{Fold, Pack};

/// Places of a turned window.
const PLACES: usize = 16;

/// Windows of a group: what they are turned into stays near the processor.
const GROUP: usize = 32;

/// Channels come in whole vectors of any processor.
const CHANNELS: usize = 16;

/// Numbers from one turned window, `[place][channel]`, to the next: a line of the cache more than it has,
/// for powers of two would put a place of all windows into the same few lines.
const fn step(channels: usize) -> usize {
    PLACES * channels + CHANNELS
}

/// One side of the rule: from pictures x to pictures y.
#[derive(Clone, Copy)]
struct Pass {
    x: Picture,
    y: Picture,
    padding: [usize; 2],
}

/// The kernels of a convolution of 3 × 3 taps and stride 1.
#[derive(Clone, Copy)]
pub(super) struct Winograd {
    forward: Pass,
    turned: Pass,
}

impl Winograd {
    /// The kernels, where sizes are such that they pay.
    pub fn of(sizes: &Sizes) -> Option<Self> {
        let Sizes { x, y, kernel, stride, padding } = *sizes;
        let whole = |picture: Picture| picture.channels.is_multiple_of(CHANNELS);
        let fits = kernel == [3, 3] && stride == [1, 1] && padding[0].max(padding[1]) <= 2;
        let pays = whole(x) && whole(y) && y.height.min(y.width) > 1;
        (fits && pays).then(|| Self {
            forward: Pass { x, y, padding },
            turned: Pass { x: y, y: x, padding: padding.map(|padding| 2 - padding) },
        })
    }

    /// Sums of the products at every place.
    const fn sums(&self) -> usize {
        PLACES * Packing::room(self.forward.x.channels, self.forward.y.channels)
    }
}

impl Kernels for Winograd {
    fn packed(&self) -> usize {
        self.sums()
    }

    fn packed_turned(&self) -> usize {
        PLACES * Packing::room(self.forward.y.channels, self.forward.x.channels)
    }

    fn forward_room(&self) -> usize {
        self.forward.room()
    }

    fn backward_room(&self) -> usize {
        self.sums() + self.turned.room()
    }

    /// Enough for a group.
    fn near(&self) -> usize {
        let [down, across] = self.forward.windows();
        GROUP.div_ceil(down * across)
    }

    fn begin(&self, room: &mut [f32]) {
        room.get_mut(..self.sums()).unwrap_or_default().fill(0.0);
    }

    fn pack(&self, arch: Arch, w: &[f32], packed: &mut [f32]) {
        let pass = self.forward;
        let inp = pass.x.channels;
        let tap = move |c: usize, o: usize, tap: usize| (o * 9 + tap) * inp + c;
        arch.dispatch(Pack { pass, w, packed, tap });
    }

    fn pack_turned(&self, arch: Arch, w: &[f32], packed: &mut [f32]) {
        let pass = self.turned;
        let inp = pass.y.channels;
        let tap = move |o: usize, c: usize, tap: usize| (o * 9 + 8 - tap) * inp + c;
        arch.dispatch(Pack { pass, w, packed, tap });
    }

    fn forward(
        &self,
        arch: Arch,
        [x, packed, b]: [&[f32]; 3],
        y: &mut [f32],
        room: &mut [f32],
        relu: bool,
    ) {
        let last = Last { b, relu, add: false };
        arch.dispatch(Filter { pass: self.forward, x, packed, y, room, last });
    }

    fn input_gradient(
        &self,
        arch: Arch,
        [dy, packed]: [&[f32]; 2],
        dx: &mut [f32],
        room: &mut [f32],
        fresh: bool,
    ) {
        let room = room.get_mut(self.sums()..).unwrap_or_default();
        let last = Last { b: &[], relu: false, add: !fresh };
        arch.dispatch(Filter { pass: self.turned, x: dy, packed, y: dx, room, last });
    }

    fn weights_gradient(&self, arch: Arch, [x, dy]: [&[f32]; 2], room: &mut [f32], _: &mut [f32]) {
        let Some((sums, room)) = room.split_at_mut_checked(self.sums()) else { return };
        arch.dispatch(Products { pass: self.forward, x, dy, sums, room });
    }

    fn finish(&self, arch: Arch, room: &[f32], sums: &mut [f32]) {
        let places = room.get(..self.sums()).unwrap_or_default();
        arch.dispatch(Fold { pass: self.forward, places, sums });
    }
}

impl Pass {
    /// Rows and columns of windows, each of 2 × 2 outputs.
    const fn windows(&self) -> [usize; 2] {
        [self.y.height.div_ceil(2), self.y.width.div_ceil(2)]
    }

    /// Numbers of a group: turned windows, and their products.
    const fn room(&self) -> usize {
        GROUP * (step(self.x.channels) + step(self.y.channels))
    }
}

/// All windows of some pictures.
struct Filter<'a> {
    pass: Pass,
    x: &'a [f32],
    packed: &'a [f32],
    y: &'a mut [f32],
    room: &'a mut [f32],
    last: Last<'a>,
}

impl WithSimd for Filter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pass, x, packed, y, room, last } = self;
        let (inp, out) = (pass.x.channels, pass.y.channels);
        let Some((turned, products)) = room.split_at_mut_checked(GROUP * step(inp)) else { return };
        let packing = Packing::new::<S>(inp, out);
        let [down, across] = pass.windows();
        let windows = y.len() / pass.y.len() * down * across;
        for first in (0..windows).step_by(GROUP) {
            let count = GROUP.min(windows - first);
            let group = (first, count);
            with_vectors!(S, inp, turn_windows(simd, pass, x, group, turned));
            for (place, w) in packed.chunks_exact(packing.len()).take(PLACES).enumerate() {
                for (o, w) in packing.blocks(w) {
                    let block = Block {
                        x: turned,
                        x_at: place * inp,
                        x_step: step(inp),
                        lines: 1,
                        line: 0,
                        len: inp,
                        w,
                        y_at: place * out + o,
                        y_step: step(out),
                        pixels: count,
                        outputs: (out - o).min(packing.width),
                        relu: false,
                    };
                    tile::row(simd, packing.vectors, block, products, tile::Start::Bias(&[]));
                }
            }
            with_vectors!(S, out, turn_back(simd, pass, products, y, group, last));
        }
    }
}

/// Adds the products of turned windows and turned gradients, summed over the windows of some pictures.
struct Products<'a> {
    pass: Pass,
    x: &'a [f32],
    dy: &'a [f32],
    sums: &'a mut [f32],
    room: &'a mut [f32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pass, x, dy, sums, room } = self;
        let (inp, out) = (pass.x.channels, pass.y.channels);
        let Some((turned, gradients)) = room.split_at_mut_checked(GROUP * step(inp)) else {
            return;
        };
        let packing = Packing::new::<S>(inp, out);
        let [down, across] = pass.windows();
        let windows = dy.len() / pass.y.len() * down * across;
        for first in (0..windows).step_by(GROUP) {
            let count = GROUP.min(windows - first);
            let group = (first, count);
            with_vectors!(S, inp, turn_windows(simd, pass, x, group, turned));
            with_vectors!(S, out, turn_outputs(simd, pass, dy, group, gradients));
            for (place, sums) in sums.chunks_exact_mut(packing.len()).take(PLACES).enumerate() {
                for (o, sums) in packing.blocks_mut(sums) {
                    let outer = tile::Outer {
                        x: turned,
                        steps: [0, step(inp)],
                        dy: gradients.get(..count * step(out)).unwrap_or_default(),
                        at: place * out + o,
                        channels: step(out),
                        outputs: (out - o).min(packing.width),
                        pixels: [1, count],
                    };
                    tile::outer(simd, packing.vectors, outer, place * inp, sums);
                }
            }
        }
    }
}
