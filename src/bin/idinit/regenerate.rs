//! `idinit regenerate`: the initial weights of a network as a file, from its recipe.

use crate::failure::Failure;
use crate::output;
use crate::start::{Settled, Start};
use clap::{Args, ValueEnum};
use idinit::exchange::safetensors::{self, ExchangeError};
use idinit::exchange::{self, Entry};
use idinit::graph::Node;
use std::io::{self, Write};
use std::path::PathBuf;

/// Write the initial weights of a network as a safetensors file, under PyTorch's names.
///
/// `load_state_dict(safetensors.torch.load_file(FILE))` takes it. Weights are written window by
/// window, so that a network of any size needs little memory, but for orthogonal ones, which need that
/// of a layer.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit regenerate resnet50 -o resnet50.safetensors
  idinit regenerate vit-b32 --names timm -o vit.safetensors
  idinit regenerate 'idinit/1 gpt layers=12 width=768 heads=12 context=1024 vocabulary=50257 idinit' \\
      --names transformers -o gpt2.safetensors
  idinit regenerate resnet --depth 56 --norm none --scheme fixup --seed 7 -o fixup.safetensors")]
pub struct Regenerate {
    #[command(flatten)]
    start: Start,
    /// Whose names and layouts the weights have
    #[arg(long, value_enum, default_value_t = Names::Torchvision)]
    names: Names,
    /// The file to write; it appears when all of it is there
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: PathBuf,
}

/// Whose names the weights have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Names {
    /// torchvision's, or this program's own for networks that it does not have
    Torchvision,
    /// timm's, of its vision transformers and squeeze-and-excitation
    Timm,
    /// transformers', of GPT-2
    Transformers,
}

impl Names {
    /// The tensors of a network under these names.
    pub fn entries(self, nodes: &[Node]) -> Result<Vec<Entry<'_>>, Failure> {
        let names = match self {
            Self::Torchvision => exchange::Names::Torchvision,
            Self::Timm => exchange::Names::Timm,
            Self::Transformers => exchange::Names::Transformers,
        };
        exchange::entries(nodes, names).map_err(Failure::usage)
    }
}

impl Regenerate {
    pub fn run(self) -> Result<(), Failure> {
        let Self { start, names, file } = self;
        let settled = start.settle()?;
        let entries = names.entries(settled.model.nodes())?;
        output::write(Some(&file), |out| {
            let mut blocks = output::Blocks::new(out);
            write(&mut blocks, &settled, &entries)?;
            blocks.flush()
        })
    }
}

fn write(out: &mut dyn Write, settled: &Settled, entries: &[Entry<'_>]) -> Result<(), io::Error> {
    let initial = settled.initial();
    let notes = notes(settled.recipe.to_string());
    safetensors::write(out, entries, &notes, &mut safetensors::unstored(&initial)).map_err(as_io)
}

/// What a file says of itself: the format is for what reads it with PyTorch.
pub fn notes(recipe: String) -> [(&'static str, String); 2] {
    [("format", "pt".to_string()), ("recipe", recipe)]
}

/// An error of writing.
pub fn as_io(error: ExchangeError) -> io::Error {
    match error {
        ExchangeError::Io(error) => error,
        error => io::Error::other(error.to_string()),
    }
}
