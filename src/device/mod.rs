//! What a device that learns is made of, over embedded-hal and its kin, without an allocator.

pub mod talk;
