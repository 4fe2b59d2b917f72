//! What came of a run: as events for programs, as a table for people, as files.

use crate::failure::Failure;
use crate::job::Start;
use crate::keep::{Kept, Notes};
use crate::network::{Network, part_name};
use idinit::graph::Node;
use idinit::layer::PartKind;
use idinit::plan::Net;
use idinit::recipe::Fingerprint;
use idinit::train::{Confusion, Epoch, Taken};
use serde_json::{Number, Value, json};

/// What came of one start.
pub struct Outcome {
    /// What the start is called, in files too.
    pub label: String,
    pub scheme: String,
    pub rate: f32,
    pub seed: u64,
    pub epochs: Vec<Epoch>,
    /// Seconds of each epoch.
    pub each: Vec<f64>,
    /// Events of single steps.
    pub steps: Vec<Value>,
    /// The weights at the end; none where the run failed.
    pub weights: Vec<f32>,
    /// Which classes were taken for which at the end.
    pub confusion: Option<Confusion>,
    /// Why the run failed.
    pub failure: Option<String>,
    pub seconds: f64,
}

/// A number by its shortest decimal; JSON has none for what is not finite.
pub fn decimal(number: f32) -> Value {
    number.to_string().parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

/// An epoch as an event, with how many examples were learnt from in a second.
pub fn epoch(scheme: &str, epoch: &Epoch, throughput: Option<f64>) -> Value {
    json!({
        "event": "epoch", "scheme": scheme, "epoch": epoch.number, "rate": decimal(epoch.rate),
        "train_loss": decimal(epoch.train_loss), "test_loss": decimal(epoch.test.loss),
        "test_accuracy": epoch.test.accuracy(),
        "examples_per_second": throughput.map(f64::round),
    })
}

/// A step as an event.
pub fn step(scheme: &str, taken: &Taken) -> Value {
    json!({
        "event": "step", "scheme": scheme, "step": taken.step, "rate": decimal(taken.rate),
        "loss": decimal(taken.loss), "examples": taken.examples,
    })
}

/// A confusion table: a line for each class, a column for each answer.
pub fn confusion(confusion: &Confusion, classes: &[String]) -> String {
    let name = |class: usize| match classes.get(class) {
        Some(name) => format!("\"{}\"", name.replace('"', "\"\"")),
        None => class.to_string(),
    };
    let names = (0..confusion.classes()).map(name);
    let mut csv = format!("class,{}\n", names.collect::<Vec<_>>().join(","));
    for (class, row) in confusion.rows().enumerate() {
        let counts = row.iter().map(u64::to_string).collect::<Vec<_>>();
        csv += &format!("{},{}\n", name(class), counts.join(","));
    }
    csv
}

impl Outcome {
    /// Nothing has come of a start yet.
    pub fn of(start: &Start) -> Self {
        Self {
            label: start.label.clone(),
            scheme: start.scheme.clone(),
            rate: start.rate,
            seed: start.seed,
            epochs: Vec::new(),
            each: Vec::new(),
            steps: Vec::new(),
            weights: Vec::new(),
            confusion: None,
            failure: None,
            seconds: 0.0,
        }
    }

    /// All steps and epochs of a start that are noted, as events.
    pub fn noted(label: &str, notes: &Notes) -> Vec<Value> {
        let epochs = notes.epochs.iter().map(|kept| epoch(label, &kept.epoch(), None));
        notes.steps.iter().cloned().chain(epochs).collect()
    }

    /// What a run has noted so far.
    pub fn take(&mut self, notes: &Notes) {
        self.epochs = notes.epochs.iter().map(Kept::epoch).collect();
        self.each = notes.epochs.iter().map(|kept| kept.seconds).collect();
        self.steps.clone_from(&notes.steps);
        self.seconds = notes.seconds;
    }

    /// The outcome as an event.
    pub fn event(&self) -> Value {
        let last = self.epochs.last();
        let fingerprint = match self.failure {
            None => Some(Fingerprint::of(&self.weights).to_string()),
            Some(_) => None,
        };
        json!({
            "event": "result", "scheme": self.label, "seed": self.seed, "epochs": self.epochs.len(),
            "train_loss": last.map(|last| decimal(last.train_loss)),
            "test_loss": last.map(|last| decimal(last.test.loss)),
            "test_accuracy": last.map(|last| last.test.accuracy()),
            "failure": self.failure, "fingerprint": fingerprint,
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        })
    }

    /// All of the run, an event a line.
    pub fn log(&self) -> String {
        let epochs = self.epochs.iter().map(|e| epoch(&self.label, e, None));
        self.steps
            .iter()
            .cloned()
            .chain(epochs)
            .chain([self.event()])
            .map(|event| format!("{event}\n"))
            .collect()
    }

    /// The weights as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.weights.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    /// What the bytes are.
    ///
    /// `recipe` names the start, where one does.
    pub fn description(&self, network: &Network, net: &Net<'_>, recipe: Option<String>) -> Value {
        json!({
            "file": format!("weights-{}.bin", self.label),
            "format": "f32, little-endian, one part after the other, each [out][kh][kw][in]",
            "model": network.entry.name, "sizes": network.sizes, "data": network.data.name(),
            "scheme": self.label, "recipe": recipe, "numbers": self.weights.len(),
            "fingerprint": Fingerprint::of(&self.weights).to_string(),
            "parts": parts(net),
        })
    }
}

/// Every weight of a network: its place in the buffer, its layer, its shape.
fn parts(net: &Net<'_>) -> Vec<Value> {
    let mut parts = Vec::new();
    for (number, (node, slot)) in net.nodes().iter().zip(net.slots()).enumerate() {
        let Node { layer, input, name, .. } = node;
        let (mut start, mut part_number) = (slot.weights.start as usize, 0);
        while let Some(part) = layer.part(*input, part_number) {
            let (d, [height, width]) = (part.dims, part.dims.kernel());
            let shape = match (part.kind, layer.kind().name()) {
                (PartKind::Weight, "dense") => vec![d.out(), d.inp()],
                (PartKind::Weight, _) => vec![d.out(), height, width, d.inp()],
                _ => vec![d.out()],
            };
            parts.push(json!({
                "layer": number, "kind": layer.kind().name(), "name": name,
                "part": part_name(part.kind), "shape": shape, "groups": d.groups(),
                "start": start, "len": d.len(),
            }));
            start += d.len();
            part_number += 1;
        }
    }
    parts
}

/// That no start could be trained to the end, and why the first could not; the table has the others.
pub fn none_ended(outcomes: &[Outcome]) -> Failure {
    let first = outcomes.iter().find_map(|Outcome { label, failure, .. }| {
        Some(format!("; {label}: {}", failure.as_deref()?))
    });
    let first = first.unwrap_or_default();
    Failure::failed(format!("no start could be trained to the end{first}"))
}

/// A table of what came of all schemes.
pub fn table(outcomes: &[Outcome], epochs: u32) -> String {
    let width = outcomes.iter().map(|outcome| outcome.label.len()).max().unwrap_or(0).max(6);
    let mut table = format!(
        "{:<width$}  {:>7}  {:>10}  {:>10}  {:>13}  {:>9}\n",
        "scheme", "epochs", "train loss", "test loss", "test accuracy", "time"
    );
    for Outcome { label: scheme, epochs: done, failure, seconds, .. } in outcomes {
        let count = format!("{}/{epochs}", done.len());
        let (train, test, accuracy) = match done.last() {
            None => ("–".to_string(), "–".to_string(), "–".to_string()),
            Some(last) => (
                format!("{:.4}", last.train_loss),
                format!("{:.4}", last.test.loss),
                format!("{:.2} %", 100.0 * last.test.accuracy()),
            ),
        };
        table += &format!(
            "{scheme:<width$}  {count:>7}  {train:>10}  {test:>10}  {accuracy:>13}  {seconds:>7.1} s"
        );
        if let Some(why) = failure {
            table += &format!("  failed in epoch {}: {why}", done.len() + 1);
        }
        table.push('\n');
    }
    table
}
