//! How a network is trained, with nothing left open: for people, and as a file of settings.

use crate::config::decimal;
use crate::data::{self, Parts, Source};
use crate::gpu::Precision;
use crate::network::Network;
use crate::part::Part;
use crate::training::Engines;
use crate::updates::{Way, name};
use idinit::data::Mix;
use idinit::model::catalog::Planned;
use idinit::train::Settings;
use idinit::update::{AdaDelta, Adam, AdamW, Chosen, Clip, Grouped, Momentum};
use toml::{Table, Value};

/// Everything but the starts, with nothing left open.
pub struct Settled {
    pub network: Network,
    pub plan: Planned,
    pub parts: Parts,
    pub settings: Settings,
    pub update: Way,
    pub mix: Option<Mix>,
    pub accumulate: u32,
    pub patience: Option<u32>,
    pub engine: Engines,
    /// How precise a GPU's numbers are.
    pub precision: Precision,
    /// Every how many steps losses are read.
    pub loss_every: u32,
    pub threads: usize,
    /// Where several processes train together.
    pub part: Part,
    pub memory: Option<u64>,
    /// What an embedding begins with, where words have vectors.
    pub vectors: Option<Vec<f32>>,
    pub source: Source,
    pub smoothing: f32,
    pub augment: Vec<&'static str>,
}

impl Settled {
    /// The size of a batch, over all processes.
    pub fn batch(&self) -> usize {
        self.plan.net().batch() * self.part.size
    }

    /// How weights move, in words.
    pub fn movement(&self) -> String {
        let Clip { update: Grouped { update, scalar_rate, decay_vectors }, most } = self.update;
        let mut text = match update {
            Chosen::Sgd(_) => "sgd".to_string(),
            Chosen::Momentum(Momentum { momentum, nesterov, .. }) => {
                format!("momentum {momentum}{}", if nesterov { " (Nesterov)" } else { "" })
            }
            other => other.name().to_string(),
        };
        text += &format!(", decay {}", update.own_decay());
        if !decay_vectors {
            text += " of matrices only";
        }
        if scalar_rate != 1.0 {
            text += &format!(", scalars at {scalar_rate} of the rate");
        }
        if most.is_finite() {
            text += &format!(", gradients clipped at {most}");
        }
        if self.smoothing > 0.0 {
            text += &format!(", labels smoothed by {}", self.smoothing);
        }
        if !self.augment.is_empty() {
            text += &format!(", {}", self.augment.join(", "));
        }
        text
    }

    /// Every setting by the name of its option, as a file of settings has it.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        let mut put = |key: &str, value: Value| {
            table.insert(key.to_string(), value);
        };
        let text = |text: &dyn std::fmt::Display| Value::String(text.to_string());
        let whole = |number: u64| match i64::try_from(number) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::String(number.to_string()),
        };
        put("model", text(&self.network.entry.name));
        put("data", text(&self.network.data.name()));
        for (setting, chosen) in self.network.options.iter() {
            let value = match chosen {
                idinit::model::catalog::Chosen::Flag(flag) => Value::Boolean(*flag),
                other => text(other),
            };
            put(setting.name, value);
        }
        let Settings { epochs, rate, schedule, warm_up, seed } = self.settings;
        put("epochs", whole(epochs.into()));
        put("batch", whole(self.batch() as u64));
        put("accumulate", whole(self.accumulate.into()));
        put("rate", decimal(rate));
        put("schedule", text(&schedule));
        put("warm-up", text(&warm_up));
        put("seed", whole(seed));
        put("smoothing", decimal(self.smoothing));
        let augment = if self.augment.is_empty() { vec!["none"] } else { self.augment.clone() };
        put("augment", Value::Array(augment.iter().map(|name| text(name)).collect()));
        let Clip { update: Grouped { update, scalar_rate, decay_vectors }, most } = self.update;
        match update {
            Chosen::Momentum(Momentum { momentum, nesterov, .. }) => {
                put("momentum", decimal(momentum));
                put("nesterov", Value::Boolean(nesterov));
            }
            Chosen::Sgd(_) => put("momentum", decimal(0.0)),
            Chosen::Adam(Adam { betas, .. }) | Chosen::AdamW(AdamW { betas, .. }) => {
                put("betas", Value::Array(betas.map(decimal).to_vec()));
            }
            Chosen::AdaDelta(AdaDelta { rho, .. }) => put("rho", decimal(rho)),
            _ => {}
        }
        put("update", text(&name(&update)));
        put("decay", decimal(update.own_decay()));
        put("decay-matrices-only", Value::Boolean(!decay_vectors));
        put("scalar-rate", decimal(scalar_rate));
        if most.is_finite() {
            put("clip", decimal(most));
        }
        if let Some(patience) = self.patience {
            put("patience", whole(patience.into()));
        }
        let engine = match self.engine {
            Engines::Host => "host",
            Engines::Portable => "portable",
            Engines::Cuda => "cuda",
        };
        put("engine", text(&engine));
        if self.precision != Precision::F32 {
            put("precision", text(&self.precision.name()));
        }
        let source = &self.source;
        put("data-dir", text(&source.data_dir.display()));
        if let Some(file) = &source.text {
            put("text", text(&file.display()));
        }
        if let Some(file) = &source.vectors_file {
            put("vectors-file", text(&file.display()));
        }
        if source.unit == data::Token::Characters {
            put("unit", text(&"characters"));
        }
        if let Some(side) = source.side {
            put("side", whole(side.into()));
        }
        if let Some(first) = source.first {
            put("first", whole(first.get() as u64));
        }
        if self.parts.vocabulary.is_some() {
            put("vectors", text(&if self.vectors.is_some() { "glove" } else { "none" }));
        }
        table
    }
}
