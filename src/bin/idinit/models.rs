//! `idinit models`: the networks that can be asked for by name.

use crate::failure::Failure;
use crate::report::decimal;
use clap::Args;
use idinit::model::catalog::{self, Entry, Habits, Sizes};
use serde_json::json;
use std::io::Write;

/// List the networks that can be trained, and the settings that each is trained with.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit models
  idinit models --json")]
pub struct Models {
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl Models {
    pub fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        for &Entry { name, about, sizes, habits, .. } in catalog::ALL {
            let Habits { data, epochs, batch, rate, schedule, momentum, decay } = habits;
            if self.json {
                let line = json!({
                    "model": name, "about": about, "data": data, "epochs": epochs, "batch": batch,
                    "rate": decimal(rate), "schedule": schedule, "momentum": decimal(momentum),
                    "decay": decimal(decay),
                });
                writeln!(out, "{line}")?;
                continue;
            }
            writeln!(out, "{name:<14}{about}")?;
            let options = match sizes {
                Sizes::Blocks { width, blocks } => format!("--width {width} --blocks {blocks} "),
                Sizes::Width(width) => format!("--width {width} "),
                Sizes::Hidden(widths) => {
                    let widths: Vec<_> = widths.iter().map(u32::to_string).collect();
                    format!("--hidden {} ", widths.join(","))
                }
                Sizes::Fixed => String::new(),
            };
            writeln!(
                out,
                "{:<14}{options}--data {data} --epochs {epochs} --batch {batch}\n\
                 {:<14}--rate {rate} --schedule {schedule} --momentum {momentum} --decay {decay}",
                "", ""
            )?;
        }
        Ok(out.flush()?)
    }
}
