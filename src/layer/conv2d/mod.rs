//! A convolution: `y[p][o] = b[o] + Σ W[o][ky][kx][c] · x[p · stride + k − padding][c]`.
//!
//! x is `[batch, height, width, inp]`, W is `[out, kh, kw, inp / groups]`, b is `[out]`. Beyond the
//! picture x is zero. With groups, output o reads only the inputs of its own group. A convolution
//! over a line is one over a picture of height 1.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "std")]
mod direct;
#[cfg(feature = "std")]
mod host;
mod portable;
#[cfg(feature = "std")]
mod sparse;
#[cfg(feature = "std")]
mod tile;
#[cfg(feature = "cuda")]
mod tiles;
#[cfg(feature = "std")]
mod winograd;

use super::{Misfit, Part, PartKind, Style, window};
use crate::rule::Dims;
use crate::shape::Shape;

/// A convolution. Its weights are W, `[out, kh, kw, inp / groups]`, and b, `[out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Conv2d {
    /// Channels of the output.
    pub out: u32,
    /// Rows and columns of the kernel.
    pub kernel: [u32; 2],
    /// Pixels from one window to the next, down and to the right.
    pub stride: [u32; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [u32; 2],
    /// Independent convolutions side by side; they share out inputs and outputs evenly.
    pub groups: u32,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv2d {
    pub(super) const STYLE: Style = Style::apart(true);

    /// A convolution with a square kernel of odd size, stride 1 and a bias, that keeps height and
    /// width.
    pub const fn same(out: u32, kernel: u32) -> Self {
        Self {
            out,
            kernel: [kernel, kernel],
            stride: [1, 1],
            padding: [kernel / 2, kernel / 2],
            groups: 1,
            bias: true,
        }
    }

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        if self.out == 0 || self.groups == 0 {
            return Err(Misfit::Zero);
        }
        if !self.out.is_multiple_of(self.groups) || !x.channels.is_multiple_of(self.groups) {
            return Err(Misfit::Groups);
        }
        let y = window::output(x, self.kernel, self.stride, self.padding, self.out);
        match (y, self.dims(x)) {
            (Ok(y), Ok(dims)) if dims.len() < Shape::MOST as usize => Ok(y),
            (Ok(_), _) => Err(Misfit::TooLarge),
            (misfit, _) => misfit,
        }
    }

    const fn dims(&self, x: Shape) -> Result<Dims, crate::rule::DimsError> {
        let inp = match x.channels.checked_div(self.groups) {
            Some(inp) => inp,
            None => 0,
        };
        Dims::new(self.out, inp, self.kernel, self.groups)
    }

    pub(super) const fn part(&self, x: Shape, part: usize) -> Option<Part> {
        match part {
            0 => Part::new(self.dims(x), PartKind::Weight),
            1 if self.bias => Part::vector(self.out, PartKind::Bias),
            _ => None,
        }
    }

    pub(super) const fn saved(&self, _: Shape) -> (usize, usize) {
        (0, 0)
    }
}
