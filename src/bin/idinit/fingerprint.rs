//! `idinit fingerprint`: the checksum of a network's initial weights.

use crate::failure::Failure;
use crate::network::{self, Choice};
use crate::output;
use crate::report::decimal;
use crate::weights::positive;
use clap::Args;
use idinit::init;
use idinit::plan::Mode;
use serde_json::json;
use std::io::Write;

/// Print the checksum of a network's initial weights: CRC-64/XZ over their bytes, little-endian.
///
/// A microcontroller that builds the same network from the same start has the same checksum.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit fingerprint
  idinit fingerprint mlp --hidden 64,64 --scheme kaiming --seed 7
  idinit fingerprint residual --eps 0.01
  idinit fingerprint linear5 --json")]
pub struct Fingerprint {
    #[command(flatten)]
    choice: Choice,
    /// The start
    #[arg(long, default_value = "idinit", value_parser = network::schemes())]
    scheme: String,
    /// What the random numbers of a start depend on; IDInit has none
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// ε of IDIZ, in a start that has one [default: by start]
    #[arg(long, value_name = "E", value_parser = positive, allow_negative_numbers = true)]
    eps: Option<f32>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl Fingerprint {
    pub fn run(self) -> Result<(), Failure> {
        let Self { scheme, seed, eps, .. } = self;
        let network = self.choice.network()?;
        let plan = network.model.plan(Mode::INFER, 1).map_err(Failure::usage)?;
        let mut weights = output::zeros(plan.net().weights())?;
        let start = network.scheme(&scheme, seed)?;
        let mut starts = [(scheme, start)];
        if let Some(eps) = eps {
            network::set_eps(&mut starts, eps)?;
        }
        let [(scheme, start)] = starts;
        if start.needs_data() {
            let why = format!("{scheme} is finished on data, so no fingerprint names it");
            return Err(Failure::Usage(why));
        }
        init::fill(&plan.net(), &start, &mut weights);
        let fingerprint = idinit::recipe::Fingerprint::of(&weights).to_string();
        let (model, data) = (network.entry.name, network.data.name());
        let mut out = std::io::stdout().lock();
        if self.json {
            let line = json!({
                "fingerprint": fingerprint, "model": model, "sizes": network.sizes, "data": data,
                "scheme": scheme, "seed": seed, "eps": eps.map(decimal), "weights": weights.len(),
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{fingerprint}  {model} on {data} from {scheme}")?;
        }
        Ok(out.flush()?)
    }
}
