//! What must hold whatever bytes come: a function for each target, which panics where it does not.
//!
//! The fuzz targets call these functions, and so does `tests/corpus.rs` on the files of `corpus`.

mod bytes;
mod checkpoint;
mod delta;
mod delta_roundtrip;
mod recipe_bytes;
mod recipe_line;
mod safetensors;
mod talk_frame;
mod talk_request;

pub use checkpoint::checkpoint;
pub use delta::delta;
pub use delta_roundtrip::delta_roundtrip;
pub use recipe_bytes::recipe_bytes;
pub use recipe_line::recipe_line;
pub use safetensors::safetensors;
pub use talk_frame::talk_frame;
pub use talk_request::talk_request;

/// Takes bytes from outside, and panics where something does not hold.
pub type Check = fn(&[u8]);

/// All targets, each with the name of its folder.
pub const TARGETS: &[(&str, Check)] = &[
    ("recipe_line", recipe_line),
    ("recipe_bytes", recipe_bytes),
    ("delta", delta),
    ("delta_roundtrip", delta_roundtrip),
    ("checkpoint", checkpoint),
    ("safetensors", safetensors),
    ("talk_frame", talk_frame),
    ("talk_request", talk_request),
];
