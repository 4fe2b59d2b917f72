//! The kernels of the crate and how they are called: by name, with arguments that are checked against the
//! signature in the PTX, so that a wrong call is an error before it reaches the device.

use super::counts::Call;
use super::{Error, Numbers, Precision, Queue, queue};
use cudarc::driver::{CudaContext, CudaFunction, result};
use std::collections::HashMap;
use std::sync::Arc;
use std::vec::Vec;

/// All kernels, compiled.
pub(super) const fn ptx(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 | Precision::Tf32 => include_str!("kernels.ptx"),
        Precision::Bf16 => include_str!("kernels-bf16.ptx"),
    }
}

/// A window that slides over a padded picture, as `prelude.cuh` has it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Window {
    /// The picture.
    pub picture: [u32; 3],
    /// Rows and columns of windows.
    pub windows: [u32; 2],
    pub kernel: [u32; 2],
    pub stride: [u32; 2],
    pub padding: [u32; 2],
}

/// The sizes of a weight, as `rule/cuda.cu` has them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Sizes {
    pub inp: u32,
    pub kernel: [u32; 2],
    /// Outputs of one group.
    pub group: u32,
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument {
    /// A pointer; null, where the numbers are nowhere.
    Numbers(Numbers),
    /// The same, where the kernel reads the numbers and writes them.
    Updated(Numbers),
    Whole(u32),
    Real(f32),
    Window(Window),
    Sizes(Sizes),
}

impl Argument {
    /// Bytes that the kernel reads or writes by it, if it does so once.
    const fn bytes(&self) -> u64 {
        match self {
            Self::Numbers(numbers) => numbers.bytes(),
            Self::Updated(numbers) => 2 * numbers.bytes(),
            _ => 0,
        }
    }

    const fn size(&self) -> usize {
        match self {
            Self::Numbers(_) | Self::Updated(_) => 8,
            Self::Whole(_) | Self::Real(_) => 4,
            Self::Window(_) => size_of::<Window>(),
            Self::Sizes(_) => size_of::<Sizes>(),
        }
    }
}

impl Numbers {
    /// As the argument of a kernel that reads them and writes them.
    pub const fn updated(self) -> Argument {
        Argument::Updated(self)
    }
}

macro_rules! from {
    ($($from:ty => $name:ident($value:expr),)*) => {
        $(impl From<$from> for Argument {
            fn from(it: $from) -> Self {
                Self::$name($value(it))
            }
        })*
    };
}

from! {
    Numbers => Numbers(|it| it),
    f32 => Real(|it| it),
    u32 => Whole(|it| it),
    // a plan's numbers fit 32 bits
    usize => Whole(|it| it as u32),
    bool => Whole(|it| it as u32),
    Window => Window(|it| it),
    Sizes => Sizes(|it| it),
}

/// How many blocks of how many threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    blocks: [u32; 2],
    threads: [u32; 2],
}

impl Grid {
    /// Threads of a block where each number has one.
    pub const THREADS: usize = 256;

    /// The most blocks of such a grid: each thread then takes several numbers.
    const MOST: usize = 4096;

    /// A thread for each of `count` numbers, or for every few of them.
    pub fn each(count: usize) -> Self {
        Self::blocks(count.div_ceil(Self::THREADS).clamp(1, Self::MOST))
    }

    /// A warp for each of `count` rows, or for every few of them.
    pub fn rows(count: usize) -> Self {
        Self::each(32 * count)
    }

    /// So many blocks.
    pub const fn blocks(count: usize) -> Self {
        Self::tiles([count, 1], Self::THREADS)
    }

    /// So many blocks of so many threads.
    pub const fn tiles(blocks: [usize; 2], threads: usize) -> Self {
        let [across, down] = blocks;
        Self { blocks: [across as u32, down as u32], threads: [threads as u32, 1] }
    }

    /// Blocks of 32 columns, by slices of rows.
    pub const fn columns(columns: usize, slices: usize) -> Self {
        Self { blocks: [columns.div_ceil(32) as u32, slices as u32], threads: [32, 8] }
    }
}

/// The names of all kernels in the PTX, and the sizes of their arguments.
pub(super) fn signatures(ptx: &str) -> Vec<(&str, Vec<usize>)> {
    let entries = ptx.split(".visible .entry ").skip(1);
    let signature = |entry| -> Option<(&str, Vec<usize>)> {
        let entry: &str = entry;
        let (name, rest) = entry.split_once('(')?;
        let (parameters, _) = rest.split_once(')')?;
        let sizes = parameters.split(',').filter(|parameter| parameter.contains(".param"));
        Some((name.trim(), sizes.filter_map(size).collect()))
    };
    entries.filter_map(signature).collect()
}

/// The bytes of `.param .u64 name` or `.param .align 4 .b8 name[44]`.
fn size(parameter: &str) -> Option<usize> {
    if let Some((_, length)) = parameter.split_once('[') {
        return length.split(']').next()?.parse().ok();
    }
    let kind = parameter.split_whitespace().nth(1)?;
    kind.get(2..)?.parse::<usize>().ok().map(|bits| bits / 8)
}

/// Loads all kernels.
pub(super) fn load(
    context: &Arc<CudaContext>,
    precision: Precision,
) -> Result<HashMap<&'static str, CudaFunction>, Error> {
    let failed = |error| queue::driver_error("loading the kernels", error);
    let module =
        context.load_module(cudarc::nvrtc::Ptx::from_src(ptx(precision))).map_err(failed)?;
    let each = |(name, _)| Ok((name, module.load_function(name).map_err(failed)?));
    signatures(ptx(precision)).into_iter().map(each).collect()
}

impl Queue {
    /// Asks for a kernel whose operations are few to each byte.
    pub fn launch(
        &self,
        name: &'static str,
        grid: Grid,
        arguments: impl AsMut<[Argument]>,
    ) -> Result<(), Error> {
        self.compute((name, 0), grid, arguments)
    }

    /// Asks for a kernel that does so many operations of a product.
    pub fn compute(
        &self,
        (name, flops): (&'static str, u64),
        grid: Grid,
        mut arguments: impl AsMut<[Argument]>,
    ) -> Result<(), Error> {
        let arguments = arguments.as_mut();
        let Some(sizes) = self.signature(name) else {
            return Err(Error::Kernel { name, why: "there is none of that name" });
        };
        if !arguments.iter().map(Argument::size).eq(sizes.iter().copied()) {
            return Err(Error::Kernel { name, why: "its arguments are others" });
        }
        self.count(Call { name, flops, bytes: arguments.iter().map(Argument::bytes).sum() });
        let Some(device) = self.device() else { return Ok(()) };
        let Some(function) = device.functions.get(name) else {
            return Err(Error::Kernel { name, why: "it was not loaded" });
        };
        let mut pointers: Vec<_> = arguments
            .iter_mut()
            .map(|argument| match argument {
                Argument::Numbers(numbers) | Argument::Updated(numbers) => {
                    core::ptr::from_mut(numbers).cast()
                }
                Argument::Whole(whole) => core::ptr::from_mut(whole).cast(),
                Argument::Real(real) => core::ptr::from_mut(real).cast(),
                Argument::Window(window) => core::ptr::from_mut(window).cast(),
                Argument::Sizes(sizes) => core::ptr::from_mut(sizes).cast(),
            })
            .collect();
        let Grid { blocks: [x, y], threads: [across, down] } = grid;
        let (function, stream) = (function.cu_function(), device.stream.cu_stream());
        // SAFETY: the kernel is loaded; there are as many arguments as it has, each of its size (the
        // address of `Numbers` stands first in it), and they are copied before the call returns. What
        // pointers name lies in buffers that the queue keeps.
        let launched = unsafe {
            result::launch_kernel(function, (x, y, 1), (across, down, 1), 0, stream, &mut pointers)
        };
        launched.map_err(|error| queue::driver_error(name, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_sources() {
        let all = signatures(ptx(Precision::F32));
        let rounded = signatures(ptx(Precision::Bf16));
        assert!(rounded.len() > 50 && rounded.iter().all(|kernel| all.contains(kernel)));
        let of = |name| all.iter().find(|(n, _)| *n == name).map(|(_, sizes)| sizes.clone());
        assert_eq!(of("fold"), Some(vec![8, 8, 4, 4, 4]));
        assert_eq!(of("im2col"), Some(vec![8, 8, size_of::<Window>(), 4, 4, 4]));
        assert!(all.len() > 50 && all.iter().all(|(_, sizes)| !sizes.is_empty()));
    }
}
