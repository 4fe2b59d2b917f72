//! A stand-in for libcuda, libcublas and libnccl that runs PTX on the CPU, for tests only.
//!
//! `driver` has the functions that programs call, `device` what they do it to, `ptx` and `runtime` make
//! C++ of a module and run it, `blas` multiplies matrices, `nccl` sums
//! over processes. See README.md.

mod blas;
mod compiler;
mod counters;
mod device;
mod driver;
mod error;
mod nccl;
mod ptx;
mod report;
mod settings;
