//! `idinit device watch`: how learning goes, while it goes.

use super::port::{Port, Talk, seconds};
use super::view;
use crate::failure::Failure;
use crate::output;
use clap::Args;
use idinit::device::talk::{Code, Metrics, TalkError};
use serde_json::json;
use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

/// Show how a device learns: accuracy, loss, memory, as it goes.
///
/// On a terminal it is a picture that moves: q ends it, p pauses learning or goes on, s saves.
/// Otherwise, and with --lines, it is a line each time.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device watch /dev/ttyACM0
  idinit device watch /dev/ttyACM0 --once
  idinit device watch /dev/ttyACM0 --every 10 --json >> learning.jsonl")]
pub struct Watch {
    #[command(flatten)]
    pub port: Port,
    /// How often it is looked
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds)]
    pub every: Duration,
    /// Lines, also on a terminal
    #[arg(long)]
    lines: bool,
    /// One line
    #[arg(long)]
    once: bool,
    /// So many lines [default: until it is ended]
    #[arg(long, value_name = "N", conflicts_with = "once")]
    count: Option<u64>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl Watch {
    pub fn run(self) -> Result<(), Failure> {
        let (mut talk, info) = self.port.open()?;
        let plain = self.lines || self.once || self.json || self.count.is_some();
        if !plain && io::stdout().is_terminal() && io::stdin().is_terminal() {
            return view::show(&self, &mut talk, info);
        }
        let count = if self.once { 1 } else { self.count.unwrap_or(u64::MAX) };
        for number in 0..count {
            if number > 0 {
                thread::sleep(self.every);
            }
            let metrics = self.look(&mut talk)?;
            output::print(&if self.json { as_json(&metrics) } else { line(&metrics) })?;
        }
        Ok(())
    }

    /// How learning goes. A device that was started anew meanwhile is greeted again.
    pub fn look(&self, talk: &mut Talk) -> Result<Metrics, Failure> {
        match talk.metrics() {
            Err(TalkError::Refused(refusal)) if refusal.code == Code::Session => {
                self.port.greet(talk)?;
                self.port.told(talk.metrics())
            }
            result => self.port.told(result),
        }
    }
}

/// A share in per cent; of nothing, none.
pub fn share(right: u32, of: u32) -> Option<f64> {
    (of > 0).then(|| 100.0 * f64::from(right) / f64::from(of))
}

/// Budgets that are none.
pub fn budget(steps: u32) -> Option<u32> {
    (steps < u32::MAX).then_some(steps)
}

fn as_json(metrics: &Metrics) -> String {
    let Metrics { steps, examples, labels, right, recent_right, recent, .. } = *metrics;
    let Metrics { loss, lost, ram, saves, paused, .. } = *metrics;
    let line = json!({
        "steps": steps, "examples": examples, "labels": labels, "right": right,
        "recent": recent, "recent_right": recent_right, "loss": loss, "lost": lost, "ram": ram,
        "saves": saves, "budget": budget(metrics.budget), "paused": paused,
    });
    format!("{line}\n")
}

fn line(metrics: &Metrics) -> String {
    let Metrics { steps, examples, labels, right, recent_right, recent, .. } = *metrics;
    let Metrics { loss, lost, ram, saves, paused, .. } = *metrics;
    let told = match (share(recent_right.into(), recent.into()), share(right, labels)) {
        (Some(now), Some(all)) => format!("{now:.1} % of {recent} right, {all:.1} % of all"),
        (None, Some(all)) => format!("{all:.1} % right"),
        _ => "no label yet".to_string(),
    };
    let left = budget(metrics.budget).map_or(String::new(), |left| format!(", {left} left"));
    let pause = if paused { "; paused" } else { "" };
    format!(
        "steps {steps}{left}; labels {labels} of {examples}: {told}; loss {loss:.4}; lost {lost}; memory \
         {ram} bytes; saves {saves}{pause}\n"
    )
}
