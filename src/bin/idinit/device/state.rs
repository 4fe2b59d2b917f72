//! What a device keeps, forgets, and whether it learns.

use super::port::Port;
use crate::failure::Failure;
use crate::output;
use clap::Args;

/// Have a device keep what it learnt over a loss of power
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device save /dev/ttyACM0")]
pub struct Save {
    #[command(flatten)]
    port: Port,
}

/// Have a device forget what it learnt since its start
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device pull /dev/ttyACM0 before.delta && idinit device reset /dev/ttyACM0")]
pub struct Reset {
    #[command(flatten)]
    port: Port,
}

/// Have a device learn nothing until `idinit device resume`
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device pause /dev/ttyACM0")]
pub struct Pause {
    #[command(flatten)]
    port: Port,
}

/// Have a device learn again
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device resume /dev/ttyACM0")]
pub struct Resume {
    #[command(flatten)]
    port: Port,
}

/// Have a device take at most so many steps of training from now on
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device budget /dev/ttyACM0 1000
  idinit device budget /dev/ttyACM0 none")]
pub struct Budget {
    #[command(flatten)]
    port: Port,
    /// Steps of training, or none for no bound
    #[arg(value_name = "STEPS", value_parser = bound)]
    steps: u32,
}

fn bound(text: &str) -> Result<u32, &'static str> {
    match text {
        "none" => Ok(u32::MAX),
        _ => text.parse().map_err(|_| "a number of steps, or none"),
    }
}

impl Save {
    pub fn run(self) -> Result<(), Failure> {
        let (mut talk, _) = self.port.open()?;
        let weights = self.port.told(talk.save())?;
        output::print(&format!("saved: weights {weights}\n"))
    }
}

impl Reset {
    pub fn run(self) -> Result<(), Failure> {
        let (mut talk, _) = self.port.open()?;
        let weights = self.port.told(talk.reset())?;
        output::print(&format!("at the start: weights {weights}\n"))
    }
}

impl Pause {
    pub fn run(self) -> Result<(), Failure> {
        let (mut talk, _) = self.port.open()?;
        self.port.told(talk.pause(true))
    }
}

impl Resume {
    pub fn run(self) -> Result<(), Failure> {
        let (mut talk, _) = self.port.open()?;
        self.port.told(talk.pause(false))
    }
}

impl Budget {
    pub fn run(self) -> Result<(), Failure> {
        let (mut talk, _) = self.port.open()?;
        self.port.told(talk.budget(self.steps))
    }
}
