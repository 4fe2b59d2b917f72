//! PTX text to C++: one statement for each instruction, `goto` for each branch, on `runtime/ptx.h`.

mod emit;
mod instructions;
mod parse;
mod scope;
mod text;
mod types;

pub use emit::{kernel_symbol, translate};
