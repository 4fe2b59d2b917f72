//! The largest number of each window of each channel; of equals, the first in scan order. What lies
//! outside of the picture counts as −∞; forward keeps which place won, for backward.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Part, Style};
use crate::layer::window;
use crate::shape::Shape;

/// The largest number of each window, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MaxPool {
    /// Rows and columns of the window.
    pub kernel: [u32; 2],
    /// Steps from one window to the next, down and to the right.
    pub stride: [u32; 2],
    /// Pixels above and below, left and right, that no number of the picture loses to; at most half
    /// the window, so that each window meets the picture (PyTorch's `MaxPool2d` asks for the same).
    pub padding: [u32; 2],
}

impl MaxPool {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        if self.padding[0] > self.kernel[0] / 2 || self.padding[1] > self.kernel[1] / 2 {
            return Err(Misfit::Padding);
        }
        window::output(x, self.kernel, self.stride, self.padding, x.channels)
    }

    pub(super) const fn part(&self, _: Shape, _: usize) -> Option<Part> {
        None
    }

    pub(super) const fn saved(&self, x: Shape) -> (usize, usize) {
        match self.output(x, None) {
            Ok(y) => (y.len(), 0),
            Err(_) => (0, 0),
        }
    }
}
