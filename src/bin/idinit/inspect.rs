//! `idinit inspect`: what a file holds.

use crate::delta;
use crate::failure::Failure;
use crate::loaded::{Form, form};
use crate::output;
use crate::regenerate::as_io;
use clap::Args;
use idinit::checkpoint::Checkpoint;
use idinit::exchange::roles::is_float;
use idinit::exchange::safetensors::{ExchangeError, Item, Tensors, sizes};
use idinit::recipe::{Digest, Fingerprint};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Print what a file holds: a safetensors file, a delta, a checkpoint, or plain weights.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit inspect resnet50.safetensors
  idinit inspect digits.delta
  idinit inspect runs/residual-digits/weights-idinit.bin --json")]
pub struct Inspect {
    /// The file
    file: PathBuf,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> Result<(), Failure> {
        let Self { file, json } = self;
        if file.to_str().is_some_and(|text| text.starts_with("idinit/")) {
            return Err(Failure::usage("this is a recipe: `idinit fingerprint` takes it"));
        }
        match form(&file)? {
            Form::Safetensors => {
                let mut open = Tensors::open(&file).map_err(|error| Failure::at(&file, error))?;
                output::write(None, |out| tensors(out, &mut open, json).map_err(as_io))
            }
            Form::Delta => delta::inspect(&file, json),
            Form::Checkpoint => checkpoint(&file, json),
            Form::Numbers => numbers(&file, json),
        }
    }
}

/// What a tensor's numbers are, at a glance.
struct Glance {
    fingerprint: Fingerprint,
    zeros: usize,
    least: f32,
    largest: f32,
    odd: usize,
}

impl Glance {
    fn of(numbers: &[f32]) -> Self {
        let mut digest = Digest::new();
        digest.update(numbers);
        let finite = || numbers.iter().filter(|number| number.is_finite());
        Self {
            fingerprint: digest.finish(),
            zeros: numbers.iter().filter(|number| **number == 0.0).count(),
            least: finite().copied().fold(f32::INFINITY, f32::min),
            largest: finite().copied().fold(f32::NEG_INFINITY, f32::max),
            odd: numbers.len() - finite().count(),
        }
    }

    fn text(&self, count: usize) -> String {
        let Self { fingerprint, zeros, least, largest, odd } = self;
        let share = 100.0 * *zeros as f64 / count.max(1) as f64;
        let odd = if *odd > 0 { format!(", {odd} not finite") } else { String::new() };
        match least <= largest {
            true => format!("{fingerprint}  {share:.1} % zeros, {least:e} … {largest:e}{odd}"),
            false => format!("{fingerprint}{odd}"),
        }
    }
}

fn tensors(out: &mut dyn Write, file: &mut Tensors, as_json: bool) -> Result<(), ExchangeError> {
    let items = file.items();
    let width = items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
    let mut total = 0;
    for Item { name, dtype, shape } in &items {
        let count: usize = shape.iter().product();
        total += count;
        let glance = if is_float(*dtype) { Some(Glance::of(&file.numbers(name)?)) } else { None };
        let (dtype, shown) = (dtype.to_string(), sizes(shape));
        match as_json {
            true => writeln!(
                out,
                "{}",
                json!({
                    "tensor": name, "dtype": dtype, "shape": shape,
                    "fingerprint": glance.as_ref().map(|glance| glance.fingerprint.to_string()),
                    "zeros": glance.as_ref().map(|glance| glance.zeros),
                })
            )?,
            false => {
                let glance = glance.map_or(String::new(), |glance| glance.text(count));
                writeln!(out, "{name:width$}  {dtype:<4}  {shown:<16}  {glance}")?;
            }
        }
    }
    let recipe = file.note("recipe");
    match as_json {
        true => writeln!(
            out,
            "{}",
            json!({ "tensors": items.len(), "numbers": total, "recipe": recipe })
        )?,
        false => {
            let from = recipe.map_or(String::new(), |recipe| format!(", of {recipe}"));
            writeln!(out, "{} tensors, {total} numbers{from}", items.len())?;
        }
    }
    Ok(())
}

fn checkpoint(path: &Path, as_json: bool) -> Result<(), Failure> {
    let kept = Checkpoint::read(path).map_err(Failure::failed)?;
    let kept = kept.ok_or_else(|| Failure::at(path, "it is gone"))?;
    let weights = Fingerprint::of(&kept.weights);
    output::print(&match as_json {
        true => format!(
            "{}\n",
            json!({
                "steps": kept.steps, "epoch": kept.epoch, "batch": kept.batch,
                "weights": kept.weights.len(), "state": kept.state.len(),
                "fingerprint": weights.to_string(),
            })
        ),
        false => format!(
            "checkpoint after {} steps; epoch {}, batch {} come next\n{} weights {weights}, {} numbers \
             of state\n",
            kept.steps,
            kept.epoch + 1,
            kept.batch + 1,
            kept.weights.len(),
            kept.state.len()
        ),
    })
}

fn numbers(path: &Path, as_json: bool) -> Result<(), Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::io(path, &error))?;
    let (numbers, rest) = bytes.as_chunks();
    if !rest.is_empty() || bytes.is_empty() {
        let why = "it is none of: safetensors, a delta, a checkpoint, plain f32";
        return Err(Failure::at(path, why));
    }
    let numbers: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
    let glance = Glance::of(&numbers);
    output::print(&match as_json {
        true => format!(
            "{}\n",
            json!({
                "numbers": numbers.len(), "fingerprint": glance.fingerprint.to_string(),
                "zeros": glance.zeros,
            })
        ),
        false => format!("{} plain numbers  {}\n", numbers.len(), glance.text(numbers.len())),
    })
}
