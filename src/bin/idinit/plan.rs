//! `idinit plan`: where every number of a network lies, and what memory it takes.

use crate::failure::Failure;
use crate::network::{Choice, Network};
use crate::updates::{self, updates};
use clap::Args;
use idinit::engine::scratch;
use idinit::plan::{Mode, Table};
use idinit::shape::{Shape, Span};
use idinit::update::Chosen;
use serde_json::json;
use std::io::Write;
use std::str::FromStr;

/// Show where every number of a network lies, and what memory it takes to infer or to train.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit plan                               memory to train the default network by one example
  idinit plan cnn --batch 32 --update sgd
  idinit plan residual --mode last:1        … where only its last layer is trained
  idinit plan residual --mode only:stem,head
  idinit plan linear5 --mode infer --json
  idinit plan resnet --depth 110 --norm none --multiplier --batch 128
  idinit plan gpt --layers 96 --width 1024 --heads 16 --context 512")]
pub struct Plan {
    #[command(flatten)]
    choice: Choice,
    /// The most examples in a step
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: u32,
    /// What the memory is for: infer, train, last:K (train the last K layers with weights), or
    /// only:NAME,… (train these layers)
    #[arg(long, default_value = "train")]
    mode: Purpose,
    /// How a weight moves, and so what is kept for each: sgd keeps nothing, momentum a number
    #[arg(long, value_name = "NAME", default_value = "momentum", value_parser = updates())]
    update: Chosen,
    /// Whether gradients are clipped by norm, which takes a buffer for the whole gradient
    #[arg(long)]
    clip: bool,
    /// One JSON object a line, for programs: each layer, then the totals
    #[arg(long)]
    json: bool,
}

/// What a plan is for.
#[derive(Clone)]
enum Purpose {
    Infer,
    Train,
    Last(u32),
    Only(Vec<String>),
}

impl FromStr for Purpose {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a mode is infer, train, last:K or only:NAME,…";
        match text.split_once(':') {
            None if text == "infer" => Ok(Self::Infer),
            None if text == "train" => Ok(Self::Train),
            Some(("last", count)) => count.parse().map(Self::Last).map_err(|_| WRONG),
            Some(("only", names)) => Ok(Self::Only(names.split(',').map(str::to_string).collect())),
            _ => Err(WRONG),
        }
    }
}

impl Plan {
    pub fn run(self) -> Result<(), Failure> {
        let network = self.choice.network()?;
        let mode = self.mode(&network)?;
        let plan = network.model.plan(mode, self.batch as usize).map_err(Failure::usage)?;
        let net = plan.net();
        let bytes = |numbers| 4 * numbers as u64;
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        if !self.json {
            writeln!(out, "{}", Table(net))?;
            let (own, scratch) = (net.weights() + net.state() + net.arena(), scratch(&net));
            writeln!(
                out,
                "on a PC  {:>12} bytes: {} of them are the scratch of the host engine",
                bytes(own + scratch),
                bytes(scratch)
            )?;
            return Ok(out.flush()?);
        }
        let hwc = |shape: Shape| [shape.height, shape.width, shape.channels];
        let span = |span: Span| [span.start as usize, span.end()];
        for (k, (node, slot)) in net.nodes().iter().zip(net.slots()).enumerate() {
            let line = json!({
                "layer": k, "kind": node.layer.kind().name(), "name": node.name,
                "input": hwc(node.input), "output": hwc(node.output), "trained": slot.trained.any(),
                "weights": span(slot.weights), "value": span(slot.y), "gradient": span(slot.dy),
                "saved": span(slot.saved),
            });
            writeln!(out, "{line}")?;
        }
        let line = json!({
            "model": network.entry.name, "sizes": network.sizes, "data": network.data.name(),
            "batch": net.batch(), "weights_bytes": bytes(net.weights()),
            "state_bytes": bytes(net.state()), "arena_bytes": bytes(net.arena()),
            "host_scratch_bytes": bytes(scratch(&net)),
        });
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }

    fn mode(&self, network: &Network) -> Result<Mode, Failure> {
        let all = updates::mode(&self.update, self.clip);
        Ok(match &self.mode {
            Purpose::Infer => Mode::INFER,
            Purpose::Train => all,
            Purpose::Last(count) => all.last(*count),
            Purpose::Only(wanted) => {
                let mut there: Vec<_> = Vec::new();
                for name in network.model.nodes().iter().map(|node| node.name) {
                    if !name.is_empty() && !there.contains(&name) {
                        there.push(name);
                    }
                }
                let model = network.entry.name;
                if there.is_empty() {
                    return Err(Failure::usage(format!("no layer of {model} has a name")));
                }
                let find = |wanted: &String| {
                    there.iter().copied().find(|name| name == wanted).ok_or_else(|| {
                        let names = there.join(", ");
                        Failure::usage(format!(
                            "no layer of {model} is called '{wanted}'; the names are: {names}"
                        ))
                    })
                };
                let names = wanted.iter().map(find).collect::<Result<Vec<_>, _>>()?;
                // a mode is plain data for constants; this one lives as long as the program
                all.only(names.leak())
            }
        })
    }
}
