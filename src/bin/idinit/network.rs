//! The arguments that name a network, and the network that they name.

use crate::data::Data;
use crate::failure::Failure;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use idinit::graph::Graph;
use idinit::init::Named;
use idinit::layer::PartKind;
use idinit::model::catalog::{self, Entry, ROOM, Sizes};
use serde_json::{Value, json};

/// The arguments that name a network.
#[derive(Args)]
pub struct Choice {
    /// The network; `idinit models` tells more of them
    #[arg(default_value = "residual", value_parser = models())]
    model: &'static Entry,
    /// What it learns, and so the shape of its input: digits, mnist or fashion [default: by model]
    #[arg(long, hide_possible_values = true, help_heading = "Network")]
    data: Option<Data>,
    /// Channels of each convolution [default: by model]
    #[arg(long, value_name = "N", help_heading = "Network")]
    width: Option<u32>,
    /// Residual blocks [default: by model]
    #[arg(long, value_name = "N", help_heading = "Network")]
    blocks: Option<usize>,
    /// Widths of the hidden layers, as in 32,32 [default: by model]
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Network")]
    hidden: Option<Vec<u32>>,
}

/// A network for a data set.
pub struct Network {
    pub entry: &'static Entry,
    pub data: Data,
    pub graph: Graph<ROOM>,
    /// The sizes that were asked for, for people and for files.
    pub sizes: Value,
}

fn models() -> impl TypedValueParser<Value = &'static Entry> {
    let names = catalog::ALL.iter().map(|entry| entry.name);
    PossibleValuesParser::new(names).try_map(|name| catalog::find(&name).ok_or("no such network"))
}

/// Parses the name of a scheme.
pub fn schemes() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Named::NAMES)
}

/// The scheme of a name that was parsed.
pub fn scheme(name: &str, seed: u64) -> Result<Named, Failure> {
    Named::parse(name, seed).ok_or_else(|| Failure::usage(format!("no scheme is called {name}")))
}

impl Choice {
    /// The network, if its sizes make one.
    pub fn network(&self) -> Result<Network, Failure> {
        let entry = self.model;
        let data = match self.data {
            Some(data) => data,
            None => Data::from_str(entry.habits.data, false).map_err(Failure::usage)?,
        };
        let sizes = self.sizes()?;
        let graph = entry.graph(data.shape(), sizes).map_err(|error| {
            Failure::usage(format!("{} on {}: {error}", entry.name, data.name()))
        })?;
        let sizes = match sizes {
            Sizes::Blocks { width, blocks } => json!({ "width": width, "blocks": blocks }),
            Sizes::Width(width) => json!({ "width": width }),
            Sizes::Hidden(hidden) => json!({ "hidden": hidden }),
            Sizes::Fixed => json!({}),
        };
        Ok(Network { entry, data, graph, sizes })
    }

    /// The model's own sizes, replaced where others were asked for.
    fn sizes(&self) -> Result<Sizes<'_>, Failure> {
        let foreign = |option: &str, given: bool| match given {
            true => Err(Failure::usage(format!("{} takes no {option}", self.model.name))),
            false => Ok(()),
        };
        let (width, blocks, hidden) = (self.width, self.blocks, self.hidden.as_deref());
        Ok(match self.model.sizes {
            Sizes::Blocks { width: w, blocks: b } => {
                foreign("--hidden", hidden.is_some())?;
                Sizes::Blocks { width: width.unwrap_or(w), blocks: blocks.unwrap_or(b) }
            }
            Sizes::Width(w) => {
                foreign("--hidden", hidden.is_some())?;
                foreign("--blocks", blocks.is_some())?;
                Sizes::Width(width.unwrap_or(w))
            }
            Sizes::Hidden(h) => {
                foreign("--width (but --hidden)", width.is_some())?;
                foreign("--blocks (but --hidden)", blocks.is_some())?;
                Sizes::Hidden(hidden.unwrap_or(h))
            }
            Sizes::Fixed => {
                foreign("--width", width.is_some())?;
                foreign("--blocks", blocks.is_some())?;
                foreign("--hidden", hidden.is_some())?;
                Sizes::Fixed
            }
        })
    }
}

/// What a weight is for, in a word.
pub const fn part_name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Weight => "weight",
        PartKind::Table => "table",
        PartKind::Bias => "bias",
        PartKind::Gain => "gain",
        PartKind::Multiplier => "multiplier",
        PartKind::RunningMean => "running-mean",
        PartKind::RunningVariance => "running-variance",
    }
}
