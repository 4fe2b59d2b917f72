//! Windows that go to a device: to be learnt, or to be told.

use super::port::Port;
use super::windows::Windows;
use crate::failure::Failure;
use crate::output;
use clap::Args;
use idinit::device::talk::{Inferred, Learnt};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::Write;

/// What windows are sent.
#[derive(Args)]
struct Sent {
    /// The windows: digits, which are part of this program, or a file with a line
    /// LABEL,NUMBER,NUMBER… for each
    #[arg(long, value_name = "FILE|digits", default_value = "digits")]
    data: String,
    /// How many, around the end if there are fewer [default: all]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// How many are left out before them
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: usize,
    /// JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Send windows with their labels to a device, which learns from them
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device label /dev/ttyACM0 --count 500
  idinit device label /dev/ttyACM0 --data windows.csv
  idinit device label unix:serial.sock --skip 500 --count 100 --json")]
pub struct Label {
    #[command(flatten)]
    port: Port,
    #[command(flatten)]
    sent: Sent,
}

/// Ask a device what windows are; of the digits, those that `idinit device label` does not send
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device infer /dev/ttyACM0 --count 100
  idinit device infer /dev/ttyACM0 --data windows.csv --json")]
pub struct Infer {
    #[command(flatten)]
    port: Port,
    #[command(flatten)]
    sent: Sent,
}

impl Sent {
    /// The windows, and how many of them go.
    fn windows(&self, held_back: bool) -> Result<(Windows, usize), Failure> {
        let windows = Windows::of(&self.data, held_back)?;
        let count = self.count.unwrap_or(windows.len());
        Ok((windows, count))
    }
}

/// A bar on a terminal.
fn bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len}  {msg}  {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

fn percent(right: usize, of: usize) -> f64 {
    100.0 * right as f64 / of.max(1) as f64
}

impl Label {
    pub fn run(self) -> Result<(), Failure> {
        let Self { port, sent } = self;
        let (windows, count) = sent.windows(false)?;
        let (mut talk, info) = port.open()?;
        windows.fit(info.window).map_err(|why| port.failed(why))?;
        let (bar, mut right, mut steps, mut last) = (bar(count), 0, 0, f32::NAN);
        let mut back = 0;
        for ((label, window), number) in windows.take(sent.skip, count).zip(1..) {
            let Learnt { class, loss, steps: some } = port.told(talk.label(window, *label))?;
            right += usize::from(class == *label);
            back += usize::from(loss.is_nan());
            (steps, last) = (steps + u64::from(some), loss);
            bar.set_message(format!("{:.1} % right, loss {loss:.4}", percent(right, number)));
            bar.inc(1);
        }
        bar.finish_and_clear();
        output::print(&match sent.json {
            true => {
                let repeated = talk.repeated;
                let line = json!({
                    "labels": count, "right": right, "steps": steps, "loss": last, "setbacks": back,
                    "repeated": repeated,
                });
                format!("{line}\n")
            }
            false if back > 0 => format!(
                "{count} labels: the numbers grew too large {back} times, and the device went back to its \
                 start: give it a lower rate\n"
            ),
            false => format!(
                "{count} labels: {right} were told before they were learnt ({:.1} %); {steps} steps, the \
                 last with loss {last:.4}\n",
                percent(right, count)
            ),
        })
    }
}

impl Infer {
    pub fn run(self) -> Result<(), Failure> {
        let Self { port, sent } = self;
        let (windows, count) = sent.windows(true)?;
        let (mut talk, info) = port.open()?;
        windows.fit(info.window).map_err(|why| port.failed(why))?;
        let (mut right, mut out) = (0, std::io::stdout().lock());
        for ((label, window), number) in windows.take(sent.skip, count).zip(sent.skip..) {
            let Inferred { class, output } = port.told(talk.infer(window))?;
            right += usize::from(class == *label);
            match sent.json {
                true => {
                    let line = json!({
                        "window": number, "class": class, "label": label, "output": output,
                    });
                    writeln!(out, "{line}")?;
                }
                false => {
                    let verdict = if class == *label { "right" } else { "wrong" };
                    writeln!(
                        out,
                        "window {number}: {class} ({output:.3}), label {label}: {verdict}"
                    )?;
                }
            }
            out.flush()?;
        }
        if !sent.json {
            writeln!(out, "{right} of {count} right ({:.1} %)", percent(right, count))?;
        }
        Ok(out.flush()?)
    }
}
