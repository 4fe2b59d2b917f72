//! A stand-in for libcuda and libcublas that runs PTX on the CPU, for tests only.
//!
//! `driver` has the functions that programs call, `device` what they do it to, `ptx` and `runtime` make
//! C++ of a module and run it, `blas` multiplies matrices. See README.md.

mod blas;
mod compiler;
mod counters;
mod device;
mod driver;
mod error;
mod ptx;
mod report;
mod settings;
