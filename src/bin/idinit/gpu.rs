//! `idinit gpu`: which GPUs there are, and why one cannot be used.

use crate::failure::Failure;
use clap::Args;

/// What to say where GPUs are asked of a program that does not know them.
#[cfg(not(feature = "cuda"))]
pub const NOT_BUILT: &str =
    "this idinit was built without GPUs: install it with `--features cli,cuda`";

/// Show the NVIDIA GPUs that can be trained on
#[derive(Args)]
pub struct Gpu {}

impl Gpu {
    #[cfg(not(feature = "cuda"))]
    pub fn run(self) -> Result<(), Failure> {
        Err(Failure::failed(NOT_BUILT))
    }

    #[cfg(feature = "cuda")]
    pub fn run(self) -> Result<(), Failure> {
        use std::fmt::Write;
        let mut text = String::new();
        for (number, found) in
            idinit::gpu::probe().map_err(Failure::failed)?.into_iter().enumerate()
        {
            let _ = match found {
                Ok(found) => {
                    let (major, minor) = found.capability;
                    let (driver, memory) = (found.driver, found.memory >> 20);
                    let cuda = (driver / 1000, driver % 1000 / 10);
                    writeln!(
                        text,
                        "{number}  {}  compute capability {major}.{minor}, {memory} MiB, driver for CUDA {}.{}",
                        found.name, cuda.0, cuda.1
                    )
                }
                Err(absent) => writeln!(text, "{number}  cannot be used: {absent}"),
            };
        }
        crate::output::print(&text)
    }
}
