//! Layers, losses, plans and the portable engine against slow definitions in f64, against central
//! differences, against PyTorch, and against themselves to the bit.
#![allow(clippy::disallowed_methods, reason = "the reference is the host's arithmetic")]

mod suite;
