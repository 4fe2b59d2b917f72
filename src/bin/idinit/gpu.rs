//! `idinit gpu`: which GPUs there are, and what a step asks of one.

use crate::failure::Failure;
use crate::network::Choice;
use crate::updates::updates;
use clap::{Args, Subcommand, ValueEnum};
use idinit::update::Chosen;

/// What to say where GPUs are asked of a program that does not know them.
#[cfg(not(feature = "cuda"))]
pub const NOT_BUILT: &str =
    "this idinit was built without GPUs: install it with `--features cli,cuda`";

/// Values of a GPU's plan begin at multiples of so many numbers: 256 bytes in f32, 128 in bf16.
pub const LINE: u32 = 64;

/// Show the NVIDIA GPUs that can be trained on, or what a training step asks of one
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit gpu                            the GPUs, or why there is none
  idinit gpu plan resnet --batch 128    calls, bytes and operations of a step; it needs no GPU")]
pub struct Gpu {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    Plan(Box<Plan>),
}

/// Show what a training step asks of a GPU: calls, bytes and operations, and the least time that
/// follows from two data sheets (computed, not measured)
#[derive(Args)]
struct Plan {
    #[command(flatten)]
    choice: Choice,
    /// The examples in a step
    #[arg(long, value_name = "N", default_value_t = 128)]
    batch: u32,
    /// How a weight moves
    #[arg(long, value_name = "NAME", default_value = "momentum", value_parser = updates())]
    update: Chosen,
    /// The precision of what flows between layers, and of the factors of products
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
}

/// How precise a GPU's numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// f32 throughout
    #[default]
    F32,
    /// products round their factors to 10 bits of fraction
    Tf32,
    /// activations and the factors of products are bf16; weights and sums stay f32
    Bf16,
}

impl Precision {
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }

    #[cfg(feature = "cuda")]
    pub const fn chosen(self) -> idinit::gpu::Precision {
        match self {
            Self::F32 => idinit::gpu::Precision::F32,
            Self::Tf32 => idinit::gpu::Precision::Tf32,
            Self::Bf16 => idinit::gpu::Precision::Bf16,
        }
    }
}

impl Gpu {
    #[cfg(not(feature = "cuda"))]
    pub fn run(self) -> Result<(), Failure> {
        Err(Failure::failed(NOT_BUILT))
    }

    #[cfg(feature = "cuda")]
    pub fn run(self) -> Result<(), Failure> {
        match self.what {
            None => devices(),
            Some(What::Plan(plan)) => plan.run(),
        }
    }
}

#[cfg(feature = "cuda")]
fn devices() -> Result<(), Failure> {
    let all = idinit::gpu::probe().map_err(Failure::failed)?;
    let line = |(number, found)| match found {
        Ok(idinit::gpu::Found { name, capability: (major, minor), memory, driver, .. }) => {
            let (memory, version) = (memory >> 20, (driver / 1000, driver % 1000 / 10));
            format!(
                "{number}  {name}  compute capability {major}.{minor}, {memory} MiB, driver for CUDA {}.{}\n",
                version.0, version.1
            )
        }
        Err(absent) => format!("{number}  cannot be used: {absent}\n"),
    };
    crate::output::print(&all.into_iter().enumerate().map(line).collect::<String>())
}

#[cfg(feature = "cuda")]
impl Plan {
    fn run(self) -> Result<(), Failure> {
        use idinit::engine::Cuda;
        use idinit::gpu::Roofline;
        use idinit::plan::Mode;
        use std::fmt::Write;
        let network = self.choice.network()?;
        let mode = Mode::train_with(&self.update).aligned(LINE);
        let plan = network.model.plan(mode, self.batch as usize).map_err(Failure::usage)?;
        let precision = self.precision.chosen();
        let counts = Cuda::count(plan.net(), self.update, precision).map_err(Failure::failed)?;
        let apart = Cuda::count_unfused(plan.net(), self.update, precision);
        let apart = apart.map_err(Failure::failed)?.kernels();
        let least = Cuda::least_bytes(&plan.net(), &self.update, precision);
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (kernels, products, copies) = (counts.kernels(), counts.products(), counts.copies());
        let mut text = format!(
            "{}, a step by {} examples with {} in {}\n\
             calls      {kernels} kernels, {products} products, {copies} copies, recorded as one; {apart} \
             kernels if no layer took along the one behind it\n\
             operations {:.1} GFLOP in products\n\
             bytes      {:.1} MiB, {:.2} times the {:.1} MiB that the plan's reads and writes need\n",
            network.entry.name,
            self.batch,
            self.update.name(),
            self.precision.name(),
            counts.flops() as f64 / 1e9,
            mib(counts.bytes()),
            counts.bytes() as f64 / least as f64,
            mib(least),
        );
        for device in [Roofline::A100, Roofline::H100] {
            let milliseconds = 1e3 * counts.roofline(device, precision);
            let _ = writeln!(
                text,
                "{}       {milliseconds:.2} ms at least, computed from its data sheet and not measured",
                device.name
            );
        }
        text += "\nkernel                     calls         MiB\n";
        for (name, calls, bytes) in counts.by_name() {
            let _ = writeln!(text, "{name:<25} {calls:>6} {:>11.1}", mib(bytes));
        }
        crate::output::print(&text)
    }
}
