//! The `idinit` command: trains networks from named starts, and shows what a start is made of.
//!
//! Every mistake ends in one line on stderr, `error: …`, and exit code 2 (what was asked for makes
//! no sense) or 1 (it failed). A reader that closes its end of the pipe ends the command quietly.

#![forbid(unsafe_code)]

mod apply;
mod compare;
mod config;
mod curve;
mod data;
mod delta;
mod device;
mod export;
mod failure;
mod fingerprint;
mod folder;
mod gpu;
mod inspect;
mod job;
mod keep;
mod loaded;
mod log;
mod memory;
mod models;
mod network;
mod output;
mod part;
mod picture;
mod plan;
mod quantize;
mod regenerate;
mod report;
mod results;
mod rows;
mod settled;
mod start;
mod train;
mod training;
mod updates;
mod walk;
mod weights;

use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Neural networks from identity starts: train them, and look at their weights.
#[derive(Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  idinit train                      train a small residual network from IDInit and from Kaiming
  idinit compare --seeds 3          the same from several seeds, in one table
  idinit weights --rule idi --out 5 --in 2 --format picture
  idinit train --help               what can be set"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(Box<train::Train>),
    Compare(Box<compare::Compare>),
    Models(models::Models),
    Weights(weights::Weights),
    Plan(plan::Plan),
    Fingerprint(fingerprint::Fingerprint),
    Regenerate(regenerate::Regenerate),
    Apply(apply::Apply),
    Delta(delta::DeltaArgs),
    Device(device::DeviceArgs),
    Export(export::Export),
    Quantize(quantize::Quantize),
    Inspect(inspect::Inspect),
    Gpu(gpu::Gpu),
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Train(train) => train.run(),
            Self::Compare(compare) => compare.run(),
            Self::Models(models) => models.run(),
            Self::Weights(weights) => weights.run(),
            Self::Plan(plan) => plan.run(),
            Self::Fingerprint(fingerprint) => fingerprint.run(),
            Self::Regenerate(regenerate) => regenerate.run(),
            Self::Apply(apply) => apply.run(),
            Self::Delta(delta) => delta.run(),
            Self::Device(device) => device.run(),
            Self::Export(export) => export.run(),
            Self::Quantize(quantize) => quantize.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Gpu(gpu) => gpu.run(),
        }
    }
}

fn main() -> ExitCode {
    let arguments = match config::with_file(&Arguments::command(), std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(failure) => {
            failure.tell();
            return ExitCode::from(failure.code());
        }
    };
    let done = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command.run(),
        Err(help) if !help.use_stderr() || failure::is_help(&help) => {
            // a closed pipe wants no help
            let _ = help.print();
            return ExitCode::from(help.exit_code() as u8);
        }
        Err(mistake) => Err(Failure::from(mistake)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            ExitCode::from(failure.code())
        }
    }
}
