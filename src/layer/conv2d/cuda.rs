//! A convolution as products of matrices. One of one tap is such a product as it lies. Any other is gathered by
//! kernels of our own (`tiles.rs`), but where products may go to the device's matrix units, which these kernels
//! do not use: then what each window sees is laid out in a row, and a group of the channels is one product.

use super::Conv2d;
use crate::gpu::{Batch, Error, Grid, Matrix, Numbers, Window};
use crate::layer::cuda::{Backward, Forward, arguments, column_sums, matrix, sums, window};
use crate::layer::dense::cuda::{add_bias, backward_linear, forward_linear};
use crate::shape::Shape;

/// The sizes of one group's product.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub window: Window,
    /// Windows of the whole batch.
    pub windows: usize,
    /// Numbers that a window sees of the group's channels.
    pub depth: usize,
    /// Channels of the input, and of the output.
    pub inp: usize,
    pub out: usize,
    /// How many groups there are.
    pub groups: usize,
}

/// How a convolution is computed.
enum Way {
    /// As a dense layer over all pixels.
    Linear,
    /// By tiles of our own.
    Tiles,
    /// From rows that are laid out before.
    Rows,
}

impl Conv2d {
    const fn way(&self, matrix_units: bool) -> Way {
        match (self.is_linear(), matrix_units) {
            (true, _) => Way::Linear,
            (false, false) => Way::Tiles,
            (false, true) => Way::Rows,
        }
    }

    fn group(&self, x: Shape, y: Shape, examples: usize) -> Group {
        let groups = self.groups.max(1) as usize;
        let inp = x.channels as usize / groups;
        Group {
            window: window(x, y, self.kernel, self.stride, self.padding),
            windows: examples * y.pixels(),
            depth: (self.kernel[0] * self.kernel[1]) as usize * inp,
            inp,
            out: self.out as usize / groups,
            groups,
        }
    }

    pub(in crate::layer) fn cuda_scratch(
        &self,
        (x, y): (Shape, Shape),
        batch: usize,
        matrix_units: bool,
    ) -> usize {
        let group = self.group(x, y, batch);
        let out = self.out as usize;
        match self.way(matrix_units) {
            Way::Linear => sums(out),
            Way::Tiles => group.partial(out * (group.depth + 1)),
            Way::Rows => sums(out).max(group.windows * group.depth),
        }
    }

    pub(in crate::layer) fn forward_cuda(&self, io: &Forward<'_>) -> Result<(), Error> {
        let group = self.group(io.input, io.output, io.examples);
        match self.way(io.queue.matrix_units()) {
            Way::Linear => forward_linear(io, (group.inp, group.out)),
            Way::Tiles => self.forward_tiles(io, &group),
            Way::Rows => self.forward_rows(io, group),
        }
    }

    pub(in crate::layer) fn backward_cuda(&self, io: &Backward<'_>) -> Result<(), Error> {
        let group = self.group(io.input, io.output, io.examples);
        match self.way(io.queue.matrix_units()) {
            Way::Linear => backward_linear(io, (group.inp, group.out)),
            Way::Tiles => self.backward_tiles(io, &group),
            Way::Rows => self.backward_rows(io, group),
        }
    }

    fn forward_rows(&self, io: &Forward<'_>, group: Group) -> Result<(), Error> {
        let out = self.out as usize;
        for g in 0..self.groups as usize {
            let rows = group.rows(io, io.x, g)?;
            let w = matrix(io.factors.after(g * group.out * group.depth), group.depth).turned();
            let sizes = [group.windows, group.out, group.depth];
            let y = matrix(io.y.after(g * group.out), out);
            io.queue.product(y, (rows, w), sizes, (1.0, true), Batch::ONE)?;
        }
        add_bias(io, io.w.after(out * group.depth))
    }

    fn backward_rows(&self, io: &Backward<'_>, group: Group) -> Result<(), Error> {
        let out = self.out as usize;
        for g in 0..self.groups as usize {
            let dy = matrix(io.dy.after(g * group.out), out);
            if !io.dw.is_empty() {
                let rows = group.rows(io, io.x, g)?;
                let dw = matrix(io.dw.after(g * group.out * group.depth), group.depth);
                let sizes = [group.out, group.depth, group.windows];
                io.queue.product(dw, (dy.turned(), rows), sizes, (1.0, true), Batch::ONE)?;
            }
            if !io.dx.is_empty() {
                let w = matrix(io.factors.after(g * group.out * group.depth), group.depth);
                let numbers = io.queue.flowing(io.scratch.first(group.windows * group.depth));
                let rows = matrix(numbers, group.depth);
                let sizes = [group.windows, group.depth, group.out];
                io.queue.product(rows, (dy, w), sizes, (1.0, true), Batch::ONE)?;
                let (inp, n) = (group.inp, io.examples * io.input.pixels() * group.inp);
                let window = group.window;
                let all = arguments![io.dx, numbers, window, g * inp, inp, io.fresh[0], n];
                io.queue.launch("col2im", Grid::each(n), all)?;
            }
        }
        let db = io.dw.after(out * group.depth);
        column_sums(io.queue, db, io.dy, (group.windows, out), io.scratch)
    }
}

/// What rows are asked for with.
trait Asks {
    fn queue(&self) -> &crate::gpu::Queue;
    fn scratch(&self) -> Numbers;
}

impl Asks for Forward<'_> {
    fn queue(&self) -> &crate::gpu::Queue {
        self.queue
    }

    fn scratch(&self) -> Numbers {
        self.scratch
    }
}

impl Asks for Backward<'_> {
    fn queue(&self) -> &crate::gpu::Queue {
        self.queue
    }

    fn scratch(&self) -> Numbers {
        self.scratch
    }
}

impl Group {
    /// What the windows see of group `g`, in scratch.
    fn rows(self, io: &impl Asks, x: Numbers, g: usize) -> Result<Matrix, Error> {
        let Self { window, windows, depth, inp, .. } = self;
        let n = windows * depth;
        let rows = io.queue().flowing(io.scratch().first(n));
        let all = arguments![rows, x, window, g * inp, inp, n];
        io.queue().launch("im2col", Grid::each(n), all)?;
        Ok(matrix(rows, depth))
    }
}
