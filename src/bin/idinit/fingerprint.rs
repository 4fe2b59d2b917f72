//! `idinit fingerprint`: the checksum of a network's initial weights.

use crate::failure::Failure;
use crate::start::Start;
use clap::Args;
use idinit::exchange::{self, Layout, Names, safetensors};
use idinit::recipe::Digest;
use serde_json::json;
use std::io::Write;

/// Print the checksum of a network's initial weights: CRC-64/XZ over their bytes, little-endian.
///
/// A microcontroller that builds the same network from the same start has the same checksum. Weights
/// are not held in memory; they pass through it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit fingerprint
  idinit fingerprint 'idinit/1 resnet norm=none idinit order=channel' --tensors
  idinit fingerprint mlp --hidden 64,64 --scheme kaiming --seed 7
  idinit fingerprint residual --eps 0.01
  idinit fingerprint linear5 --json")]
pub struct Fingerprint {
    #[command(flatten)]
    start: Start,
    /// That of each weight, too
    #[arg(long)]
    tensors: bool,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl Fingerprint {
    pub fn run(self) -> Result<(), Failure> {
        let settled = self.start.settle()?;
        let initial = settled.initial();
        let nodes = settled.model.nodes();
        let entries = exchange::entries(nodes, Names::default()).map_err(Failure::failed)?;
        let mut source = safetensors::unstored(&initial);
        let mut out = std::io::stdout().lock();
        let (mut whole, mut windows) = (Digest::new(), exchange::Windows::default());
        for tensor in initial.tensors() {
            let (start, d, mut digest) = (tensor.start, tensor.part.dims, Digest::new());
            let mut take = |window: &[f32]| {
                digest.update(window);
                whole.update(window);
                Ok(())
            };
            let mut fill = |from, window: &mut [f32]| source(&tensor, from, window);
            let done = windows.permute(Layout::Same, d, &mut fill, &mut take);
            done.map_err(Failure::failed)?;
            let own = |entry: &&exchange::Entry<'_>| match entry.content {
                exchange::Content::Weight(other, _) => other.start == start,
                exchange::Content::Batches => false,
            };
            if let (true, Some(entry)) = (self.tensors, entries.iter().find(own)) {
                let (fingerprint, name) = (digest.finish().to_string(), &entry.name);
                match self.json {
                    true => writeln!(
                        out,
                        "{}",
                        json!({
                            "fingerprint": fingerprint, "tensor": name, "shape": entry.shape,
                            "weights": d.len(),
                        })
                    )?,
                    false => {
                        writeln!(
                            out,
                            "{fingerprint}  {name} {}",
                            safetensors::sizes(&entry.shape)
                        )?;
                    }
                }
            }
        }
        let (fingerprint, recipe) = (whole.finish().to_string(), settled.recipe.to_string());
        match self.json {
            true => writeln!(
                out,
                "{}",
                json!({
                    "fingerprint": fingerprint, "recipe": recipe, "model": settled.recipe.model(),
                    "weights": initial.len(),
                })
            )?,
            false => writeln!(out, "{fingerprint}  {recipe}")?,
        }
        Ok(out.flush()?)
    }
}
