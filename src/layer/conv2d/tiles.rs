//! A convolution as products whose factors are gathered as they are needed: kernels of our own, which read and
//! write each number of the plan once. Their products are in f32, outside of the matrix units.

use super::Conv2d;
use super::cuda::Group;
use crate::gpu::{Argument, Error, Grid, Numbers};
use crate::layer::cuda::{Backward, Forward, arguments};
use std::vec::Vec;

/// Rows of a tile, as in `tiles.cu`.
const ROWS: usize = 128;

/// Columns of a tile, and the threads that compute it.
#[derive(Clone, Copy)]
struct Tile {
    columns: usize,
    threads: usize,
}

impl Tile {
    const WIDE: Self = Self { columns: 64, threads: 256 };
    const NARROW: Self = Self { columns: 16, threads: 128 };

    /// The tile for products of so many columns: few of them would leave most of a wide one empty.
    const fn of(columns: usize) -> Self {
        if columns > 32 { Self::WIDE } else { Self::NARROW }
    }

    /// The one of two kernels that computes such tiles.
    const fn kernel(self, [wide, narrow]: [&'static str; 2]) -> &'static str {
        if self.columns == Self::WIDE.columns { wide } else { narrow }
    }

    const fn blocks(self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(ROWS) * columns.div_ceil(self.columns)
    }
}

/// Blocks that a device has work with.
const BUSY: usize = 192;

/// The fewest windows of a slice of the sum over all of them: enough that it pays to fold the slices.
const SLICE: usize = 256;

impl Group {
    /// Slices of the sum over all windows for the gradients of the weights: as many as keep a device busy.
    /// The order of that sum depends on the sizes alone.
    fn slices(&self) -> usize {
        let tiles = self.groups * Tile::of(self.out).blocks(self.depth, self.out);
        BUSY.div_ceil(tiles).min(self.windows / SLICE).max(1)
    }

    /// Numbers of scratch for what the slices sum.
    pub(super) fn partial(&self, weights: usize) -> usize {
        match self.slices() {
            1 => 0,
            slices => slices * weights,
        }
    }

    /// Operations of one of the three products.
    fn flops(&self) -> u64 {
        2 * (self.groups * self.windows) as u64 * (self.out * self.depth) as u64
    }

    fn channels(&self) -> [Argument; 3] {
        [self.inp, self.out, self.groups].map(Argument::from)
    }
}

/// Arguments one after the other.
fn all<const N: usize>(parts: [&[Argument]; N]) -> Vec<Argument> {
    parts.concat()
}

impl Conv2d {
    pub(super) fn forward_tiles(&self, io: &Forward<'_>, group: &Group) -> Result<(), Error> {
        let weights = self.out as usize * group.depth;
        let w = io.w.first(weights);
        let bias = if self.bias { io.w.after(weights) } else { Numbers::EMPTY };
        let tile = Tile::of(group.out);
        let blocks = [tile.blocks(group.windows, group.out), group.groups];
        let arguments = all([
            &arguments![io.y, io.x, w, bias, group.window],
            &group.channels(),
            &arguments![io.examples, io.relu],
        ]);
        let kernel = tile.kernel(["conv_forward_wide", "conv_forward_narrow"]);
        io.queue.compute((kernel, group.flops()), Grid::tiles(blocks, tile.threads), arguments)
    }

    pub(super) fn backward_tiles(&self, io: &Backward<'_>, group: &Group) -> Result<(), Error> {
        if !io.dw.is_empty() {
            self.gradient_of_weights(io, group)?;
        }
        if io.dx.is_empty() {
            return Ok(());
        }
        let tile = Tile::of(group.inp);
        let [down, right] = self.stride.map(|stride| stride as usize);
        let height = (io.input.height as usize).div_ceil(down);
        let width = (io.input.width as usize).div_ceil(right);
        let pixels = io.examples * height * width;
        let blocks = [tile.blocks(pixels, group.inp), group.groups * down * right];
        let dx = if io.fresh[0] { io.dx.into() } else { io.dx.updated() };
        let w = io.w.first(self.out as usize * group.depth);
        let arguments = all([
            &arguments![dx, io.dy, w, group.window],
            &group.channels(),
            &arguments![io.examples, io.fresh[0]],
        ]);
        let kernel = tile.kernel(["conv_input_wide", "conv_input_narrow"]);
        io.queue.compute((kernel, group.flops()), Grid::tiles(blocks, tile.threads), arguments)
    }

    /// dW and db, by slices of the windows that are folded in their order.
    fn gradient_of_weights(&self, io: &Backward<'_>, group: &Group) -> Result<(), Error> {
        let (tile, slices, weights) = (Tile::of(group.out), group.slices(), io.dw.len());
        let blocks = [tile.blocks(group.depth, group.out), group.groups * slices];
        let sums: Numbers = if slices == 1 { io.dw } else { io.scratch.first(slices * weights) };
        let arguments = all([
            &arguments![sums, io.dy, io.x, group.window],
            &group.channels(),
            &arguments![group.windows, group.windows.div_ceil(slices), weights],
        ]);
        let kernel = tile.kernel(["conv_weights_wide", "conv_weights_narrow"]);
        io.queue.compute((kernel, group.flops()), Grid::tiles(blocks, tile.threads), arguments)?;
        if slices == 1 {
            return Ok(());
        }
        let all = arguments![io.dw, sums, slices, weights, 1.0f32];
        io.queue.launch("fold", Grid::each(weights), all)
    }
}
