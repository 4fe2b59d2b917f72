//! The GPU's engine against the portable one, on whatever CUDA device there is. Without one it fails if
//! `IDINIT_REQUIRE_GPU` is set, and says loudly that nothing was tested if not.
//!
//! ```sh
//! cargo test --features cuda --test gpu -- --nocapture
//! ```

#![allow(clippy::disallowed_methods, reason = "the reference is the host's arithmetic")]
#![allow(dead_code, reason = "other tests go by the same list of cases and use the rest")]

mod suite {
    pub mod cases;
    pub mod definition;
    pub mod recurrent;
    pub mod runner;
    pub mod token_cases;
    pub mod token_layers;
    pub mod tolerance;

    mod cuda;
    mod cuda_ahead;
    mod cuda_attention;
    mod cuda_convolutions;
    mod cuda_counts;
    mod cuda_embedding;
    mod cuda_models;
    mod cuda_norms;
    mod cuda_precision;
    mod cuda_starts;
    mod cuda_sums;
}
