//! NVIDIA GPUs, thin over cudarc: a probe, a queue of work, kernels, products of matrices, recorded steps.
//! Nothing above this module names cudarc, and nothing else in the crate is unsafe.
//!
//! A user needs NVIDIA's driver (525 or later) and cuBLAS (12 or 13), and neither to build. The kernels
//! of all layers are compiled into PTX that is part of the crate, `kernels.ptx` and, for activations in bf16, `kernels-bf16.ptx`;
//! `src/gpu/make-ptx.py` makes both.

mod buffer;
#[cfg(feature = "nccl")]
mod communicator;
mod counts;
mod kernels;
mod pinned;
mod precision;
mod probe;
mod product;
mod queue;
mod recorded;
#[cfg(feature = "nccl")]
mod rendezvous;
mod world;

pub(crate) use buffer::Numbers;
#[cfg(feature = "nccl")]
pub(crate) use communicator::{Communicator, Fold, ordinal};
pub use counts::{Counts, Device as Roofline};
pub(crate) use kernels::{Argument, Grid, Sizes, Window};
pub(crate) use pinned::Staging;
pub use precision::Precision;
pub use probe::{Absent, Found, probe};
pub(crate) use product::{Batch, Matrix};
pub(crate) use queue::Queue;
pub(crate) use recorded::Recorded;
pub use world::{World, WorldError};

use std::string::String;

/// Why the GPU refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no GPU to work with.
    Absent(Absent),
    /// The driver reported an error. After most of them the context is lost: go on from the last
    /// checkpoint, in a new process.
    Driver {
        /// What was asked of it.
        doing: &'static str,
        /// Its error, by name and in words.
        why: String,
    },
    /// The GPU has too little memory.
    Memory {
        /// Bytes that were asked for.
        need: usize,
        /// Bytes that were free.
        free: usize,
    },
    /// The GPU has no bf16: its compute capability is less than 8.0.
    NoBf16 {
        /// Its compute capability.
        capability: (i32, i32),
    },
    /// cuBLAS reported an error.
    Blas {
        /// Its error, by name.
        why: String,
    },
    /// NCCL reported an error.
    #[cfg(feature = "nccl")]
    Nccl {
        /// What was asked of it.
        doing: &'static str,
        /// Its error, by name.
        why: String,
    },
    /// The ranks have not met.
    #[cfg(feature = "nccl")]
    Meeting {
        /// Why, in words.
        why: String,
    },
    /// A kernel of the crate was called wrongly. This is a fault of the crate: please report it.
    Kernel {
        /// The kernel.
        name: &'static str,
        /// What is wrong with the call.
        why: &'static str,
    },
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const MIB: usize = 1 << 20;
        match self {
            Self::Absent(absent) => absent.fmt(f),
            Self::Driver { doing, why } => write!(
                f,
                "the GPU's driver failed at {doing}: {why}; the last checkpoint is whole, go on from it"
            ),
            Self::Memory { need, free } => write!(
                f,
                "the GPU has too little memory: {} MiB more are needed, {} MiB are free; take a smaller batch",
                need.div_ceil(MIB),
                free / MIB
            ),
            Self::NoBf16 { capability: (major, minor) } => write!(
                f,
                "the GPU has compute capability {major}.{minor}, and bf16 needs 8.0 (Ampere): take f32"
            ),
            Self::Blas { why } => write!(f, "cuBLAS failed: {why}"),
            #[cfg(feature = "nccl")]
            Self::Nccl { doing, why } => write!(
                f,
                "NCCL failed at {doing}: {why} (NCCL_DEBUG=INFO says more); the last checkpoint is whole, go on from it"
            ),
            #[cfg(feature = "nccl")]
            Self::Meeting { why } => write!(f, "the ranks have not met: {why}"),
            Self::Kernel { name, why } => write!(f, "kernel {name} was called wrongly: {why}"),
        }
    }
}

impl core::error::Error for Error {}
