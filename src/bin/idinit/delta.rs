//! `idinit delta`: what training changed, and weights that are made of it again.

use crate::failure::Failure;
use crate::loaded::{Form, Loaded, form};
use crate::output;
use crate::regenerate::{Names, as_io, notes};
use crate::start::{RecipeArg, Settled};
use clap::{Args, Subcommand, ValueEnum};
use idinit::exchange::safetensors;
use idinit::init::tensors;
use idinit::recipe::{Delta, DeltaError, Encoder, Fingerprint, Header, Kind, Recipe, Survey};
use serde_json::json;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Keep only what training changed: the difference of weights from a start that a recipe names.
///
/// A delta holds the recipe and the checksums of its start and of its result, so that it cannot be
/// applied to another start, nor come to another result.
#[derive(Args)]
pub struct DeltaArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Make(Make),
    Apply(Apply),
    Inspect(Inspect),
}

/// Make a delta of trained weights.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit delta make runs/residual-digits --scheme idinit -o digits.delta
  idinit delta make runs/residual-digits/weights-idinit.bin --kind int8 -o digits.delta
  idinit delta make runs/residual-digits/weights-idinit.bin --kind sparse --keep 10% -o digits.delta
  idinit delta make tuned.safetensors --start trained.safetensors -o tuning.delta")]
struct Make {
    /// The trained weights: the folder of a run, or a file
    trained: PathBuf,
    /// What is kept of the differences
    #[arg(long, value_enum, default_value_t = KindArg::Exact)]
    kind: KindArg,
    /// How many of the largest differences a sparse delta keeps, with those that are as large as the
    /// last: a number, or a share
    #[arg(long, value_name = "N|N%")]
    keep: Option<Keep>,
    /// Which weights of a folder
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<String>,
    /// What the weights were trained from, where no file says so
    #[arg(long, value_name = "RECIPE")]
    recipe: Option<RecipeArg>,
    /// Other weights to start from, such as those before a fine-tuning
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// The file to write; it appears when all of it is there
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: PathBuf,
}

/// Make weights of a delta and its start. Nothing is written where the delta is for another start, is
/// damaged, or comes to another result.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit delta apply digits.delta -o digits.safetensors
  idinit delta apply digits.delta -o digits.bin
  idinit delta apply tuning.delta --start trained.safetensors -o tuned.safetensors")]
struct Apply {
    /// The delta
    delta: PathBuf,
    /// The weights that it starts from, where these are not what its recipe names
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// Whose names and layouts the weights have in safetensors
    #[arg(long, value_enum, default_value_t = Names::Torchvision)]
    names: Names,
    /// The file to write: NAME.safetensors, or NAME.bin for plain f32; it appears when all of it is
    /// there
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: PathBuf,
}

/// Print what a delta says of itself, and whether it is whole.
#[derive(Args)]
struct Inspect {
    /// The delta
    delta: PathBuf,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// What is kept of the differences.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// All, to the bit
    Exact,
    /// Each rounded to bf16
    Bf16,
    /// Each rounded to one of 255 steps of its row
    Int8,
    /// The largest, to the bit
    Sparse,
}

/// How many differences are kept.
#[derive(Clone, Copy)]
enum Keep {
    Count(usize),
    Share(f64),
}

impl FromStr for Keep {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wants = "a number of weights, or a share as in 10%";
        match text.strip_suffix('%') {
            None => text.parse().map(Self::Count).map_err(|_| wants),
            Some(share) => match share.parse() {
                Ok(share @ 0.0..=100.0) => Ok(Self::Share(share / 100.0)),
                _ => Err(wants),
            },
        }
    }
}

/// Why a delta could not be made.
enum Fault {
    Delta(DeltaError),
    Io(io::Error),
}

impl From<DeltaError> for Fault {
    fn from(error: DeltaError) -> Self {
        Self::Delta(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl DeltaArgs {
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Make(make) => make.run(),
            Command::Apply(apply) => apply.run(),
            Command::Inspect(inspect) => inspect.run(),
        }
    }
}

impl Make {
    fn run(self) -> Result<(), Failure> {
        let Self { trained, kind, keep, scheme, recipe, start, file } = self;
        if keep.is_some() != (kind == KindArg::Sparse) {
            return Err(Failure::usage("--kind sparse and --keep go together"));
        }
        let recipe = recipe.map(|recipe| recipe.0);
        let trained = Loaded::of(&trained, scheme.as_deref(), recipe.as_ref())?;
        // weights that were trained before have no recipe
        let (recipe, start) = match start {
            None => {
                let Settled { recipe, .. } = trained.settled;
                (Some(recipe), Loaded::start(Settled::of(&recipe)?)?.weights)
            }
            Some(start) => {
                let of = trained.settled.recipe;
                (None, Loaded::of(&start, None, Some(&of))?.weights)
            }
        };
        if start.len() != trained.weights.len() {
            let why = format!("a start of {} numbers for {}", start.len(), trained.weights.len());
            return Err(Failure::failed(why));
        }
        let kind = match kind {
            KindArg::Exact => Kind::Exact,
            KindArg::Bf16 => Kind::Bf16,
            KindArg::Int8 => Kind::Int8,
            KindArg::Sparse => Kind::Sparse,
        };
        let survey = match keep {
            Some(keep) => Survey::sparse(kind, least(&start, &trained.weights, keep)),
            None => Survey::new(kind),
        };
        let rows = rows(&trained.settled);
        let mut header = None;
        output::write(Some(&file), |out| {
            make(out, survey, recipe, &rows, (&start, &trained.weights)).map_or_else(
                |fault| match fault {
                    Fault::Io(error) => Err(error),
                    Fault::Delta(error) => Err(io::Error::other(error.to_string())),
                },
                |made| {
                    header = Some(made);
                    Ok(())
                },
            )
        })?;
        let bytes = fs::metadata(&file).map_err(|error| Failure::io(&file, &error))?.len();
        let plain = 4 * start.len();
        let mut text = format!(
            "{}: {bytes} bytes, {:.2} % of {plain}\n",
            file.display(),
            100.0 * bytes as f64 / plain.max(1) as f64
        );
        if let Some(Header { largest_error, mean_error, .. }) =
            header.filter(|_| kind != Kind::Exact)
        {
            text +=
                &format!("differs by at most {largest_error:e}; root mean square {mean_error:e}\n");
        }
        output::print(&text)
    }
}

/// The least difference that is among the largest.
fn least(start: &[f32], trained: &[f32], keep: Keep) -> f32 {
    let differences = start.iter().zip(trained).map(|(start, trained)| (trained - start).abs());
    let mut all: Vec<f32> = differences.filter(|difference| *difference > 0.0).collect();
    let count = match keep {
        Keep::Count(count) => count,
        Keep::Share(share) => (start.len() as f64 * share).round() as usize,
    };
    match count.checked_sub(1) {
        None => f32::INFINITY,
        Some(place) if place >= all.len() => f32::from_bits(1),
        Some(place) => *all.select_nth_unstable_by(place, |a, b| b.total_cmp(a)).1,
    }
}

/// Rows of the weights, which have steps of their own: those of matrices, and vectors whole.
fn rows(settled: &Settled) -> Vec<usize> {
    let mut rows = Vec::new();
    for tensor in tensors(settled.model.nodes()) {
        let d = tensor.part.dims;
        match d.row() {
            1 => rows.push(d.len()),
            row => rows.extend(std::iter::repeat_n(row, d.out() as usize)),
        }
    }
    rows
}

/// The portions of all numbers, row by row.
fn portions<'a>(
    rows: &'a [usize],
    (mut start, mut trained): (&'a [f32], &'a [f32]),
) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
    rows.iter().map_while(move |row| {
        let ((a, start_), (b, trained_)) =
            (start.split_at_checked(*row)?, trained.split_at_checked(*row)?);
        (start, trained) = (start_, trained_);
        Some((a, b))
    })
}

fn make(
    out: &mut dyn Write,
    mut survey: Survey,
    recipe: Option<Recipe>,
    rows: &[usize],
    numbers: (&[f32], &[f32]),
) -> Result<Header, Fault> {
    for (start, trained) in portions(rows, numbers) {
        survey.take(start, trained)?;
    }
    let header = survey.header(recipe);
    let sink = |bytes: &[u8]| out.write_all(bytes).map_err(Fault::from);
    let mut encoder = Encoder::new(&survey, &header, sink)?;
    for (start, trained) in portions(rows, numbers) {
        encoder.take(start, trained)?;
    }
    encoder.finish()?;
    Ok(header)
}

/// Whether a delta is whole, as far as that is known before its start is: its last bytes are a checksum
/// of all others, and so few bytes can be of so many numbers.
fn whole(bytes: &[u8], header: &Header) -> Result<(), DeltaError> {
    // a number that did not move takes 0.011 bits at least
    const MOST: u64 = 730;
    let (body, sum) = bytes.split_last_chunk::<8>().ok_or(DeltaError::Truncated)?;
    if header.count > MOST * bytes.len() as u64 {
        return Err(DeltaError::Truncated);
    }
    match Fingerprint::of_bytes(body).0 == u64::from_le_bytes(*sum) {
        true => Ok(()),
        false => Err(DeltaError::Checksum),
    }
}

/// A delta, and the weights that come of it.
fn applied(file: &Path, start: Option<&Path>) -> Result<(Header, Loaded), Failure> {
    let failed = |error: DeltaError| Failure::at(file, error);
    if !matches!(form(file)?, Form::Delta) {
        return Err(failed(DeltaError::Magic));
    }
    let bytes = fs::read(file).map_err(|error| Failure::io(file, &error))?;
    let mut rest = bytes.iter().copied();
    let delta = Delta::open(&mut rest).map_err(failed)?;
    let header = *delta.header();
    whole(&bytes, &header).map_err(failed)?;
    let mut loaded = match (start, header.recipe) {
        (Some(start), _) => Loaded::of(start, None, None)?,
        (None, Some(recipe)) => {
            let settled = Settled::of(&recipe)?;
            let got = settled.initial().len() as u64;
            if got != header.count {
                return Err(failed(DeltaError::Count { need: header.count, got }));
            }
            Loaded::start(settled)?
        }
        (None, None) => {
            let why = "its start has no recipe: give the weights by --start";
            return Err(Failure::at(file, why));
        }
    };
    let fingerprint = Fingerprint::of(&loaded.weights);
    let mut patch = delta.onto(fingerprint, loaded.weights.len()).map_err(failed)?;
    patch.apply(&mut loaded.weights).map_err(failed)?;
    patch.finish().map_err(failed)?;
    match rest.len() {
        0 => Ok((header, loaded)),
        more => Err(Failure::at(file, format!("there are {more} bytes behind the delta"))),
    }
}

impl Apply {
    fn run(self) -> Result<(), Failure> {
        let Self { delta, start, names, file } = self;
        let extension = file.extension().and_then(|extension| extension.to_str());
        let plain = match extension {
            Some("bin") => true,
            Some("safetensors") => false,
            _ => return Err(Failure::usage("-o is NAME.safetensors, or NAME.bin for plain f32")),
        };
        let (_, loaded) = applied(&delta, start.as_deref())?;
        let entries = names.entries(loaded.settled.model.nodes())?;
        let notes = notes(loaded.settled.recipe.to_string());
        output::write(Some(&file), |out| {
            if plain {
                return safetensors::write_numbers(out, &loaded.weights, safetensors::Dtype::F32);
            }
            let mut source = safetensors::stored(&loaded.weights);
            safetensors::write(out, &entries, &notes, &mut source).map_err(as_io)
        })
    }
}

impl Inspect {
    fn run(self) -> Result<(), Failure> {
        inspect(&self.delta, self.json)
    }
}

/// Prints what a delta says of itself, and whether it is whole, as far as that can be known.
pub fn inspect(file: &Path, as_json: bool) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::io(file, &error))?;
    let delta = Delta::open(bytes.iter().copied()).map_err(|error| Failure::at(file, error))?;
    let Header { kind, recipe, count, start, result, largest_error, mean_error } = *delta.header();
    // what has a recipe can be tried out
    match recipe {
        Some(_) => drop(applied(file, None)?),
        None => whole(&bytes, delta.header()).map_err(|error| Failure::at(file, error))?,
    }
    let line = recipe.map(|recipe: Recipe| recipe.to_string());
    let text = match as_json {
        true => format!(
            "{}\n",
            json!({
                "kind": kind.name(), "recipe": line, "weights": count, "bytes": bytes.len(),
                "start": start.to_string(), "result": result.to_string(),
                "largest_error": largest_error, "mean_error": mean_error,
                "verified": recipe.is_some(),
            })
        ),
        false => format!(
            "delta     {}, {} bytes for {count} weights ({:.2} % of {})\nfrom      {}\nstart     \
             {start}\nresult    {result}{}\nerror     {}\n",
            kind.name(),
            bytes.len(),
            100.0 * bytes.len() as f64 / (4 * count).max(1) as f64,
            4 * count,
            line.as_deref().unwrap_or("weights without a recipe"),
            if recipe.is_some() { ", verified" } else { "" },
            match kind {
                Kind::Exact => "none".to_string(),
                _ => format!("at most {largest_error:e}, root mean square {mean_error:e}"),
            },
        ),
    };
    output::print(&text)
}
