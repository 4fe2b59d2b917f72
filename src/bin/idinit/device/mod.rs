//! `idinit device`: talks with a device that learns, over a serial port or a socket.

mod port;
mod state;
mod stream;
mod transfer;
mod view;
mod watch;
mod windows;

use crate::failure::Failure;
use crate::output;
use clap::{Args, Subcommand};
use idinit::device::talk::{Info, VERSION};
use port::Port;
use serde_json::json;

/// Talk with a device that learns: see how it goes, send it windows with labels, and get and give
/// what was learnt.
///
/// PORT is a serial port (/dev/ttyACM0, COM3), or tcp:HOST:PORT or unix:PATH, as QEMU's -serial
/// makes them. The device runs a program with idinit's `device::talk`; all commands but watch end
/// when it has answered.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device info /dev/ttyACM0
  idinit device watch /dev/ttyACM0
  idinit device label /dev/ttyACM0 --data windows.csv
  idinit device pull /dev/ttyACM0 learnt.delta && idinit delta inspect learnt.delta")]
pub struct DeviceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(InfoArgs),
    Watch(watch::Watch),
    Label(stream::Label),
    Infer(stream::Infer),
    Pull(transfer::Pull),
    Push(transfer::Push),
    Save(state::Save),
    Reset(state::Reset),
    Pause(state::Pause),
    Resume(state::Resume),
    Budget(state::Budget),
}

impl DeviceArgs {
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Info(info) => info.run(),
            Command::Watch(watch) => watch.run(),
            Command::Label(label) => label.run(),
            Command::Infer(infer) => infer.run(),
            Command::Pull(pull) => pull.run(),
            Command::Push(push) => push.run(),
            Command::Save(save) => save.run(),
            Command::Reset(reset) => reset.run(),
            Command::Pause(pause) => pause.run(),
            Command::Resume(resume) => resume.run(),
            Command::Budget(budget) => budget.run(),
        }
    }
}

/// Print what a device is: its start, its windows and classes, its memory
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device info /dev/ttyACM0
  idinit device info tcp:localhost:4000 --json")]
struct InfoArgs {
    #[command(flatten)]
    port: Port,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

impl InfoArgs {
    fn run(self) -> Result<(), Failure> {
        let (_, info) = self.port.open()?;
        output::print(&match self.json {
            true => as_json(&info),
            false => text(&info),
        })
    }
}

fn as_json(info: &Info) -> String {
    let Info { idinit, math, start, recipe, window, axes, classes, weights, ram, chunk, delta } =
        info;
    let line = json!({
        "idinit": idinit, "protocol": VERSION, "math": math, "recipe": recipe, "start": start.to_string(),
        "window": window, "axes": axes, "classes": classes, "weights": weights, "ram": ram,
        "chunk": chunk, "delta": delta,
    });
    format!("{line}\n")
}

fn text(info: &Info) -> String {
    let Info { idinit, math, start, recipe, window, axes, classes, weights, ram, chunk, delta } =
        info;
    let recipe = if recipe.is_empty() { "a start without a recipe" } else { recipe };
    let deltas = match delta {
        0 => "none".to_string(),
        _ => format!("of up to {delta} bytes"),
    };
    format!(
        "device    idinit {idinit}, version {VERSION} of the protocol\nfrom      {recipe}\nstart     \
         {start}\nmath      exp and ln of {math}\nwindow    {window} numbers, {axes} of each sample\nclasses   {classes}\nweights   \
         {weights}\nmemory    {ram} bytes\ndeltas    {deltas}\nchunks    of {chunk} bytes\n"
    )
}
