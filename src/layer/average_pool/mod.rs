//! The mean of each window of each channel. Windows must lie within the picture.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Style};
use crate::layer::window;
use crate::shape::Shape;

/// The mean of each window, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AveragePool {
    /// Rows and columns of the window.
    pub kernel: [u32; 2],
    /// Steps from one window to the next, down and to the right.
    pub stride: [u32; 2],
}

weightless!(AveragePool);

impl AveragePool {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        window::output(x, self.kernel, self.stride, [0, 0], x.channels)
    }
}
