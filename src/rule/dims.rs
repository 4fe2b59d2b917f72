//! The sizes of a weight: `[out][kh][kw][in]`, and how many independent groups its outputs form.
//!
//! A `Dims` that exists is sound: no size is zero, the groups divide the outputs, and every index,
//! fan and byte offset fits `usize`. Rules therefore never check, divide by zero or overflow.

use core::fmt;

/// The sizes of one weight tensor, stored as `[out][kh][kw][in]`; a dense one has a 1 × 1 kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dims {
    out: u32,
    inp: u32,
    kernel: [u32; 2],
    groups: u32,
}

impl Dims {
    /// A convolution of `out` outputs; `inp` is what one output sees: for a grouped convolution the
    /// inputs of its group (PyTorch's `weight.shape[1]`). A kernel over a line is `[1, k]`.
    pub const fn new(out: u32, inp: u32, kernel: [u32; 2], groups: u32) -> Result<Self, DimsError> {
        let [height, width] = kernel;
        if out == 0 || inp == 0 || height == 0 || width == 0 || groups == 0 {
            return Err(DimsError::Empty { out, inp, kernel, groups });
        }
        if !out.is_multiple_of(groups) {
            return Err(DimsError::Groups { out, groups });
        }
        // An eighth of the address space: eight bytes a weight stay addressable.
        const MOST: u64 = isize::MAX as u64 / 8;
        let (plane, taps) = (out as u64 * inp as u64, height as u64 * width as u64);
        match plane.checked_mul(taps) {
            Some(len) if len <= MOST => Ok(Self { out, inp, kernel, groups }),
            _ => Err(DimsError::TooLarge { out, inp, kernel }),
        }
    }

    /// A fully connected layer's `[out][in]`.
    pub const fn dense(out: u32, inp: u32) -> Result<Self, DimsError> {
        Self::new(out, inp, [1, 1], 1)
    }

    /// Outputs, of all groups together.
    pub const fn out(self) -> u32 {
        self.out
    }

    /// Inputs that one output sees.
    pub const fn inp(self) -> u32 {
        self.inp
    }

    /// Height and width of the kernel.
    pub const fn kernel(self) -> [u32; 2] {
        self.kernel
    }

    /// Groups of outputs; each group is a convolution of its own.
    pub const fn groups(self) -> u32 {
        self.groups
    }

    /// Kernel positions, kh · kw.
    pub const fn taps(self) -> usize {
        let [height, width] = self.kernel;
        height as usize * width as usize
    }

    /// Weights of one output, kh · kw · in: the paper's D_in = k k c_in.
    pub const fn row(self) -> usize {
        self.taps() * self.inp as usize
    }

    /// Weights in all.
    #[expect(clippy::len_without_is_empty, reason = "no `Dims` is empty")]
    pub const fn len(self) -> usize {
        self.row() * self.out as usize
    }

    /// What an output sums over, in · kh · kw, as `torch.nn.init` counts it.
    pub const fn fan_in(self) -> usize {
        self.row()
    }

    /// out · kh · kw, as `torch.nn.init` counts it: groups are not divided out.
    pub const fn fan_out(self) -> usize {
        self.taps() * self.out as usize
    }

    /// Outputs of one group: the D_out that a rule sees.
    pub(super) const fn group(self) -> usize {
        if self.groups == 1 {
            self.out as usize
        } else {
            wrap(self.out as usize, self.groups as usize).0
        }
    }

    /// The centre tap [kh / 2, kw / 2], as its place among the taps.
    pub(super) const fn centre(self) -> usize {
        let [height, width] = self.kernel;
        (height / 2) as usize * width as usize + (width / 2) as usize
    }
}

/// Quotient and remainder, without a division where `m` < `n`, as it mostly is. They are (0, 0) for
/// `n` = 0, which no `Dims` has, so that no panic is linked.
pub(super) const fn wrap(m: usize, n: usize) -> (usize, usize) {
    if m < n {
        return (0, m);
    }
    match (m.checked_div(n), m.checked_rem(n)) {
        (Some(quotient), Some(remainder)) => (quotient, remainder),
        _ => (0, 0),
    }
}

/// Why sizes are no [`Dims`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DimsError {
    /// A size is zero.
    Empty {
        /// Outputs.
        out: u32,
        /// Inputs that one output sees.
        inp: u32,
        /// Height and width of the kernel.
        kernel: [u32; 2],
        /// Groups of outputs.
        groups: u32,
    },
    /// The groups do not divide the outputs.
    Groups {
        /// Outputs.
        out: u32,
        /// Groups of outputs.
        groups: u32,
    },
    /// More weights than an eighth of the address space.
    TooLarge {
        /// Outputs.
        out: u32,
        /// Inputs that one output sees.
        inp: u32,
        /// Height and width of the kernel.
        kernel: [u32; 2],
    },
}

impl fmt::Display for DimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty { out, inp, kernel: [kh, kw], groups } => {
                write!(f, "a size is zero: {out} x {kh} x {kw} x {inp} in {groups} groups")
            }
            Self::Groups { out, groups } => {
                write!(f, "{out} outputs do not divide into {groups} groups")
            }
            Self::TooLarge { out, inp, kernel: [kh, kw] } => {
                write!(f, "{out} x {kh} x {kw} x {inp} weights do not fit the address space")
            }
        }
    }
}

impl core::error::Error for DimsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_are_those_of_torch() {
        let d = Dims::new(8, 2, [3, 5], 4).unwrap(); // nn.Conv2d(8, 8, (3, 5), groups=4)
        assert_eq!((d.taps(), d.row(), d.len()), (15, 30, 240));
        assert_eq!((d.fan_in(), d.fan_out()), (30, 120));
        assert_eq!((d.group(), d.centre()), (2, 7));
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let empty = DimsError::Empty { out: 0, inp: 3, kernel: [1, 1], groups: 1 };
        assert_eq!(Dims::dense(0, 3), Err(empty));
        let groups = DimsError::Groups { out: 4, groups: 3 };
        assert_eq!(Dims::new(4, 1, [1, 1], 3), Err(groups));
        let most = u32::MAX;
        assert!(matches!(Dims::dense(most, most), Err(DimsError::TooLarge { .. })));
        assert!(Dims::new(most, most, [most, most], most).is_err());
    }

    #[test]
    fn the_centre_of_an_even_kernel_is_past_the_middle() {
        assert_eq!(Dims::new(1, 1, [1, 4], 1).unwrap().centre(), 2);
        assert_eq!(Dims::new(1, 1, [2, 2], 1).unwrap().centre(), 3);
    }
}
