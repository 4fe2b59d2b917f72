//! Weights as other programs have them: PyTorch's names and layouts, in safetensors files.
//!
//! A network of this crate keeps a weight as `[out][kh][kw][in]`, PyTorch as `[out, in, kh, kw]`; a
//! fully connected layer behind a picture counts its columns by pixel here and by channel there.
//! [`entries`] says under which name and in which layout each weight of a network stands there, and
//! [`write`](safetensors::write) and [`read`](safetensors::read) go there and back: a file of any size is
//! written window by window, in a megabyte of memory, and read into the memory of its weights.

mod layout;
pub mod roles;
pub mod safetensors;
mod torch;

pub use layout::{Fill, Layout, Windows};
pub use torch::{Content, Entry, NO_NAME, Names, entries};
