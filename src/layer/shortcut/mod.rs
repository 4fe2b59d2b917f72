//! The shortcut without weights (He et al. 2016, option A): every `stride`-th pixel, its channels
//! padded with zeros.
//!
//! The zeros go behind the channels, or half of them before: both are in use, and they are not the
//! same to an identity start, whose head then looks at other channels.

#[cfg(feature = "cuda")]
mod cuda;
mod portable;

use super::{Misfit, Style};
use crate::shape::Shape;

/// Where a shortcut puts the channels that it adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Padding {
    /// All behind the channels of the input.
    #[default]
    Behind,
    /// Half of them (rounded down) before, the others behind.
    Around,
}

/// Every `stride`-th pixel, its channels padded with zeros to `channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shortcut {
    /// Channels of the output; at least those of the input.
    pub channels: u32,
    /// Pixels from one that is taken to the next, down and to the right.
    pub stride: u32,
    /// Where the zeros go.
    pub padding: Padding,
}

weightless!(Shortcut);

impl Shortcut {
    pub(super) const STYLE: Style = Style::apart(false);

    pub(super) const fn output(&self, x: Shape, _: Option<Shape>) -> Result<Shape, Misfit> {
        if self.stride == 0 {
            Err(Misfit::Zero)
        } else if self.channels < x.channels {
            Err(Misfit::Channels)
        } else {
            Ok(Shape::hwc(
                x.height.div_ceil(self.stride),
                x.width.div_ceil(self.stride),
                self.channels,
            ))
        }
    }

    /// Channels of zeros before those of the input.
    fn before(&self, x: Shape) -> usize {
        match self.padding {
            Padding::Behind => 0,
            Padding::Around => (self.channels.saturating_sub(x.channels) / 2) as usize,
        }
    }
}
