//! `idinit quantize`: a trained network in whole numbers of 8 bits.

use crate::data::{Data, Source, Variation};
use crate::failure::Failure;
use crate::loaded::Loaded;
use crate::output;
use crate::start::RecipeArg;
use clap::Args;
use idinit::graph::Node;
use idinit::int8::convert::{Lent, Options, Quantized, Ranges, forward, go_on, rules};
use idinit::int8::{Every, Int8, Op, Weights};
use idinit::math;
use idinit::model::catalog::Task;
use idinit::train::Examples;
use serde_json::json;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Make a network of whole numbers of 8 bits, and say what it loses by that.
///
/// The ranges of all values are seen on the part of the data to learn from; accuracy is that of the part
/// to be judged by. Of each layer it is said how far its output is from that in f32, in decibels, and how many of 64
/// examples are told as in f32 when that output goes on in f32. Layers that training has left as their rule made them take no flash for their weights.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit quantize runs/cnn-digits --scheme idinit --rust model.rs
  idinit quantize digits.safetensors --data digits --calibrate 1000 --softmax --rust model.rs
  idinit quantize runs/cnn-mnist/weights-idinit.bin --data mnist --json")]
pub struct Quantize {
    /// The folder of a run, a file of weights, or a recipe
    what: PathBuf,
    /// Which weights of the folder
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<String>,
    /// What the weights are of, where no file says so
    #[arg(long, value_name = "RECIPE")]
    recipe: Option<RecipeArg>,
    /// The data that the network learned from
    #[arg(long, value_enum, default_value = "digits")]
    data: Data,
    /// How many examples ranges are seen on
    #[arg(long, value_name = "N", default_value = "512")]
    calibrate: NonZeroUsize,
    /// How many examples it is judged by, at most
    #[arg(long, value_name = "N", default_value = "10000")]
    judge: NonZeroUsize,
    /// End with probabilities, and not with what the last layer puts out
    #[arg(long)]
    softmax: bool,
    /// Write a module of Rust for firmware; it appears when all of it is there
    #[arg(long, value_name = "FILE")]
    rust: Option<PathBuf>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

impl Quantize {
    pub fn run(self) -> Result<(), Failure> {
        let recipe = self.recipe.map(|recipe| recipe.0);
        let Loaded { settled, weights } =
            Loaded::of(&self.what, self.scheme.as_deref(), recipe.as_ref())?;
        let (nodes, output) = (settled.model.nodes(), settled.model.output());
        let task = Task::Pictures { shape: settled.model.input(), classes: output.channels };
        let parts = self.data.load(&self.source, task, Variation::default())?;
        let (shape, input) = (parts.train.shape(), settled.model.input());
        if shape != input || output.pixels() != 1 {
            let data = self.data.name();
            return Err(Failure::Usage(format!(
                "{data} has examples of {shape}, and the network takes {input} and puts out {output}: \
                 name the data that it learned from by --data"
            )));
        }
        let mut ranges = Ranges::new(nodes);
        examples(&*parts.train, self.calibrate.get(), |x, _| {
            ranges.see(nodes, &weights, x).map_err(Failure::failed)
        })?;
        let rules = rules(nodes, settled.scheme);
        let options = Options { rules: &rules, softmax: self.softmax };
        let quantized =
            Quantized::of(nodes, &weights, &ranges, &options).map_err(Failure::failed)?;
        let lent = quantized.lend().map_err(Failure::failed)?;
        let judged =
            Judged::of((nodes, &weights), (&quantized, &lent), &*parts.test, self.judge.get())?;
        output::write(None, |out| match self.json {
            true => judged.json(out, &lent),
            false => judged.table(out, &lent, nodes, &quantized),
        })?;
        let Some(file) = &self.rust else { return Ok(()) };
        let about = format!(
            "A network in whole numbers of 8 bits, made by `idinit quantize`.\n\nOf: {}\nRanges were seen \
             on {} examples of {}.",
            settled.recipe,
            ranges.seen(),
            self.data.name()
        );
        let source = quantized.rust(&about).map_err(Failure::failed)?;
        output::write(Some(file), |out| out.write_all(source.as_bytes()))
    }
}

/// Shows examples, as many as there are, at most so many.
fn examples(
    set: &dyn Examples,
    most: usize,
    mut each: impl FnMut(&[f32], u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut x, mut labels) = (vec![0.0; set.shape().len()], vec![0; set.labels()]);
    for i in 0..set.count().min(most) {
        set.read(i, &mut x, &mut labels).map_err(Failure::failed)?;
        each(&x, labels.first().copied().unwrap_or(0))?;
    }
    Ok(())
}

/// How good the network is before and after.
struct Judged {
    count: usize,
    /// Examples told right in f32, in int8, and told alike by both.
    right: [usize; 2],
    alike: usize,
    /// Of each layer the power of its output in f32, and that of the difference.
    power: Vec<[f64; 2]>,
    /// How many of the examples by which layers are compared are told as in f32 when what the layer puts out in int8
    /// goes on in f32.
    kept: Vec<usize>,
}

/// Examples by which layers are compared: each runs the network once for each layer.
const COMPARED: usize = 64;

impl Judged {
    fn of(
        (nodes, weights): (&[Node], &[f32]),
        (quantized, lent): (&Quantized, &Lent<'_>),
        set: &dyn Examples,
        most: usize,
    ) -> Result<Self, Failure> {
        let model = lent.model();
        let layers = model.layers.len();
        let mut arena = vec![0; lent.arena()];
        let mut engine = Int8::<Every>::new(lent.net(), &mut arena).map_err(Failure::failed)?;
        let (power, kept) = (vec![[0.0; 2]; layers], vec![0; layers]);
        let mut judged = Self { count: 0, right: [0; 2], alike: 0, power, kept };
        let mut y = vec![0.0; model.output().len()];
        examples(set, most, |x, label| {
            let values = forward(nodes, weights, x).map_err(Failure::failed)?;
            let told = largest(values.last().map_or(&[][..], Vec::as_slice));
            engine.infer(x, &mut y).map_err(Failure::failed)?;
            let also = largest(&y);
            judged.alike += usize::from(told == also);
            judged.right[0] += usize::from(told == label as usize);
            judged.right[1] += usize::from(also == label as usize);
            if judged.count < COMPARED {
                for (layer, power) in judged.power.iter_mut().enumerate() {
                    let real = quantized.real(layer, &values);
                    let mut rounded = vec![0.0; real.len()];
                    if !real.is_empty() {
                        engine.features(layer + 1, x, &mut rounded).map_err(Failure::failed)?;
                    }
                    let last = quantized.nodes().nth(layer).map_or(0, |[_, last]| last);
                    let mut after = values.get(..=last).unwrap_or_default().to_vec();
                    after.push(rounded.clone());
                    go_on(nodes, weights, &mut after);
                    let then = largest(after.last().map_or(&[][..], Vec::as_slice));
                    judged.kept[layer] += usize::from(real.is_empty() || then == told);
                    for (a, b) in real.iter().zip(&rounded) {
                        power[0] += f64::from(*a) * f64::from(*a);
                        power[1] += f64::from(a - b) * f64::from(a - b);
                    }
                }
            }
            judged.count += 1;
            Ok(())
        })?;
        Ok(judged)
    }

    /// The signal of a layer over its noise, in decibels; none where nothing is compared or lost.
    fn decibels(&self, layer: usize) -> Option<f32> {
        let [signal, noise] = self.power[layer];
        let ratio = (signal / noise) as f32;
        (ratio.is_finite() && ratio > 0.0)
            .then(|| 10.0 * math::ln(ratio) / core::f32::consts::LN_10)
    }

    fn table(
        &self,
        out: &mut dyn Write,
        lent: &Lent<'_>,
        nodes: &[Node],
        quantized: &Quantized,
    ) -> std::io::Result<()> {
        writeln!(
            out,
            "{:>5}  {:<14} {:<12} {:>9} {:>9} {:>9}",
            "layer", "kind", "output", "flash", "dB", "as in f32"
        )?;
        let compared = self.count.min(COMPARED);
        for (number, (layer, [node, _])) in
            lent.model().layers.iter().zip(quantized.nodes()).enumerate()
        {
            let kind = kind(&layer.op);
            let noise = self.decibels(number).map_or("–".to_string(), |db| format!("{db:.1}"));
            let name = nodes.get(node).map_or("", |node| node.name);
            let (output, flash) = (layer.output.to_string(), flash(&layer.op));
            let kept = format!("{}/{compared}", self.kept[number]);
            let line = format!(
                "{number:>5}  {kind:<14} {output:<12} {flash:>9} {noise:>9} {kept:>9}  {name}"
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        let share = |n: usize| 100.0 * n as f64 / self.count.max(1) as f64;
        let ([f32s, int8], count) = (self.right, self.count);
        writeln!(
            out,
            "{} bytes of flash, an arena of {} bytes",
            lent.model().layers.iter().map(|layer| flash(&layer.op)).sum::<usize>(),
            lent.arena()
        )?;
        writeln!(
            out,
            "of {count} examples, {f32s} are told right in f32 ({:.2} %), {int8} in int8 ({:.2} %), {} \
             alike",
            share(f32s),
            share(int8),
            self.alike
        )
    }

    fn json(&self, out: &mut dyn Write, lent: &Lent<'_>) -> std::io::Result<()> {
        for (number, layer) in lent.model().layers.iter().enumerate() {
            let line = json!({
                "layer": number, "kind": kind(&layer.op), "output": layer.output.to_string(),
                "scale": layer.values.scale, "zero": layer.values.zero,
                "flash_bytes": flash(&layer.op), "decibels": self.decibels(number),
                "as_in_f32": self.kept[number], "compared": self.count.min(COMPARED),
            });
            writeln!(out, "{line}")?;
        }
        let line = json!({
            "examples": self.count, "right_f32": self.right[0], "right_int8": self.right[1],
            "alike": self.alike, "arena_bytes": lent.arena(),
        });
        writeln!(out, "{line}")
    }
}

/// The first of the largest numbers.
fn largest(y: &[f32]) -> usize {
    (1..y.len()).fold(0, |best, i| if y[i] > y[best] { i } else { best })
}

fn kind(op: &Op<'_>) -> &'static str {
    match op {
        Op::Dense(linear) if matches!(linear.weights, Weights::Rule(_)) => "dense, rule",
        Op::Conv2d(_, _, linear) if matches!(linear.weights, Weights::Rule(_)) => "conv, rule",
        Op::Dense(_) => "dense",
        Op::Conv2d(..) => "conv",
        Op::Depthwise(..) => "depthwise",
        Op::MaxPool(_) => "max pool",
        Op::AveragePool(_) => "average pool",
        Op::Add(_) => "add",
        Op::Relu(_) => "relu",
        Op::Softmax(_) => "softmax",
    }
}

/// Bytes of a layer's tables.
fn flash(op: &Op<'_>) -> usize {
    let (Op::Dense(linear) | Op::Conv2d(_, _, linear) | Op::Depthwise(_, linear)) = op else {
        return 0;
    };
    let weights = match linear.weights {
        Weights::Stored(weights) => weights.len(),
        Weights::Rule(_) => 0,
    };
    weights + size_of_val(linear.channels)
}
