//! Deltas from a device, and to one.

use super::port::Port;
use crate::failure::Failure;
use crate::output;
use clap::Args;
use idinit::device::talk::Info;
use idinit::recipe::{Delta, DeltaError, Header};
use std::fs;
use std::path::PathBuf;

/// Get what a device learnt, as a delta that `idinit delta inspect` and `apply` read
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device pull /dev/ttyACM0 learnt.delta
  idinit delta apply learnt.delta -o learnt.safetensors")]
pub struct Pull {
    #[command(flatten)]
    port: Port,
    /// The file to write; it appears when all of it is there
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Give a device what another learnt, or what was made by `idinit delta make`. A delta that is for
/// another start is not sent, and one that does not come through whole changes nothing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit device push /dev/ttyACM1 learnt.delta && idinit device save /dev/ttyACM1")]
pub struct Push {
    #[command(flatten)]
    port: Port,
    /// The delta
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What a delta says of itself, if it is for this device.
fn header(delta: &[u8], info: &Info) -> Result<Header, DeltaError> {
    let header = *Delta::open(delta.iter().copied())?.header();
    let count = u64::from(info.weights);
    if header.count != count {
        return Err(DeltaError::Count { need: header.count, got: count });
    }
    match header.start == info.start {
        true => Ok(header),
        false => Err(DeltaError::Start { need: header.start.0, got: info.start.0 }),
    }
}

impl Pull {
    pub fn run(self) -> Result<(), Failure> {
        let Self { port, file } = self;
        let (mut talk, info) = port.open()?;
        let delta = port.told(talk.pull())?;
        let header = header(&delta, &info).map_err(|error| port.failed(error))?;
        output::write(Some(&file), |out| out.write_all(&delta))?;
        let (kind, result) = (header.kind.name(), header.result);
        let path = file.display();
        output::print(&format!("{path}: {kind}, {} bytes, to weights {result}\n", delta.len()))
    }
}

impl Push {
    pub fn run(self) -> Result<(), Failure> {
        let Self { port, file } = self;
        let delta = fs::read(&file).map_err(|error| Failure::io(&file, &error))?;
        let (mut talk, info) = port.open()?;
        let header = header(&delta, &info).map_err(|error| Failure::at(&file, error))?;
        if delta.len() > info.delta {
            let (len, room) = (delta.len(), info.delta);
            let why = format!("{len} bytes, and the device has room for {room} of a delta");
            return Err(Failure::at(&file, why));
        }
        let weights = port.told(talk.push(&delta))?;
        match weights == header.result {
            true => output::print(&format!("{} bytes taken: weights {weights}\n", delta.len())),
            false => Err(port.failed(format!(
                "the delta leads to {}, and the device now has {weights}",
                header.result
            ))),
        }
    }
}
