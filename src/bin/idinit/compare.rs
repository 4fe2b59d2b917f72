//! `idinit compare`: one network from several starts, several seeds and several rates; one table and
//! one picture.

use crate::curve;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::job::{Job, Start, Told};
use crate::keep::Keep;
use crate::network;
use crate::output::print;
use crate::report::{self, Outcome, decimal};
use crate::results::Results;
use crate::train::starts;
use crate::training::Training;
use crate::updates::check_decay;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::OnceLock;
use toml::{Table, Value};

/// Train one network from several starts, each from several seeds and at several rates.
///
/// A seed is for the start and for the order of the examples. For every start the rate is taken whose
/// mean test accuracy is best; mean and deviation are over the seeds. A run that fails counts with an
/// accuracy of 0.
///
/// Each run is kept in results.jsonl of the folder as it ends: `idinit compare --resume FOLDER` goes on
/// with those that are lacking, also with more --seeds, --rates or --schemes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit compare
  idinit compare residual --schemes idinit,kaiming,fixup --seeds 5 --rates 0.02,0.05,0.1
  idinit compare resnet --norm none --epochs 10 --schemes idinit,idinit-diagonal --format markdown")]
pub struct Compare {
    #[command(flatten)]
    training: Training,
    /// The starts to compare
    #[arg(long, visible_alias = "scheme", value_name = "NAME,…", value_delimiter = ',')]
    #[arg(default_value = "idinit,kaiming", value_parser = network::schemes())]
    schemes: Vec<String>,
    /// How many seeds each is trained from: --seed and those that follow it
    #[arg(long, value_name = "N", default_value = "3")]
    seeds: NonZeroU32,
    /// The rates to try [default: --rate]
    #[arg(long, value_name = "R,…", value_delimiter = ',')]
    rates: Vec<f32>,
    /// A TOML file of settings: options by their long names, and model; options of the command win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What the table is printed as
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The folder for table and picture, new or empty [default: runs/compare-MODEL-DATA, with a
    /// number if that is there]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the comparison of this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "out"])]
    resume: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Csv,
    Markdown,
}

/// What came of a start at a rate, over all seeds.
pub struct Row {
    pub scheme: String,
    pub rate: f32,
    /// Test accuracies by seed, in per cent; 0 where a run failed.
    pub accuracies: Vec<f64>,
    loss: f64,
    failed: usize,
    /// Whether no other rate is better for the start.
    pub best: bool,
}

impl Row {
    pub fn mean(&self) -> f64 {
        self.accuracies.iter().sum::<f64>() / self.accuracies.len() as f64
    }

    /// The deviation of a sample, √(Σ(a − mean)² / (n − 1)); 0 for one.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares = self.accuracies.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>();
        libm::sqrt(squares / (self.accuracies.len() as f64 - 1.0).max(1.0))
    }
}

impl Compare {
    pub fn run(self) -> Result<(), Failure> {
        let eps = self.training.eps;
        let first = self.training.seed;
        let mut all = Vec::new();
        for seed in 0..u64::from(self.seeds.get()) {
            let seed = first.wrapping_add(seed);
            all.extend(starts(&self.training, &self.schemes, eps, seed)?);
        }
        let settled = self.training.settle()?;
        settled.part.refuse("idinit compare")?;
        let usual = settled.settings.rate;
        let rates = if self.rates.is_empty() { vec![usual] } else { self.rates };
        for &rate in &rates {
            if !(0.0..=idinit::engine::MOST_RATE).contains(&rate) {
                return Err(Failure::usage(format!("--rates: {rate} is not from 0 to 1000")));
            }
            check_decay(rate, &settled.update)?;
        }
        let mut runs = Vec::new();
        for start in &all {
            runs.extend(rates.iter().map(|&rate| Start {
                label: format!("{}-{rate}-{}", start.scheme, start.seed),
                scheme: start.scheme.clone(),
                named: start.named,
                rate,
                seed: start.seed,
            }));
        }
        let job =
            Job { settled, starts: runs, eps, keep: None, log_steps: 0, data: OnceLock::new() };
        let at_once = job.at_once(false)?;
        let network = &job.settled.network;
        let keep = match self.resume {
            Some(path) => Keep::new(path, None)?,
            None => {
                let name = format!("compare-{}-{}", network.entry.name, network.data.name());
                Keep::new(Folder::new(self.out, &name)?.write(&[])?, None)?
            }
        };
        let mut results = Results::open(&keep.folder)?;
        let (mut outcomes, mut identities) = (Vec::new(), Vec::new());
        for start in &job.starts {
            let identity = job.identity(start).map_err(Failure::failed)?;
            outcomes.push(results.of(start, identity)?);
            identities.push((start.label.clone(), identity));
        }
        let mut names: Vec<_> = all.iter().map(|start| start.scheme.clone()).collect();
        let mut seen = Vec::new();
        names.retain(|name| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        });
        let more = Table::from_iter([
            ("schemes".to_string(), Value::Array(names.into_iter().map(Value::String).collect())),
            ("seeds".to_string(), Value::Integer(self.seeds.get().into())),
            (
                "rates".to_string(),
                Value::Array(rates.iter().map(|rate| crate::config::decimal(*rate)).collect()),
            ),
        ]);
        // what is in the folder can be gone on from, and is now of these settings
        keep.files(&[job.toml(more)])?;
        let done: Vec<_> = outcomes.iter().map(Option::is_some).collect();
        let trained = job.train_but(&done, at_once, |told| match told {
            Told::Event(_) => Ok(()),
            Told::Outcome(outcome) => {
                match identities.iter().find(|(label, _)| *label == outcome.label) {
                    Some((_, identity)) => results.add(outcome, *identity),
                    None => Ok(()),
                }
            }
        })?;
        let mut trained = trained.into_iter();
        let outcomes =
            outcomes.iter_mut().filter_map(|there| there.take().or_else(|| trained.next()));
        let mut outcomes: Vec<_> = outcomes.collect();
        // they are large, and nobody asks for them
        outcomes.iter_mut().for_each(|outcome| outcome.weights = Vec::new());
        let rows = rows(&outcomes, &rates);
        let title = format!("{} on {}", network.entry.name, network.data.name());
        let written = [Format::Text, Format::Json, Format::Csv, Format::Markdown];
        let endings = ["txt", "jsonl", "csv", "md"];
        let tables = written.into_iter().zip(endings);
        let tables = tables
            .map(|(format, ending)| (format!("table.{ending}"), format.table(&rows).into_bytes()));
        let log = outcomes.iter().flat_map(|outcome| outcome.log().into_bytes()).collect();
        let mut files: Vec<_> = tables.collect();
        files.push(("log.jsonl".to_string(), log));
        files.extend(curve::of_comparison(&title, &rows)?);
        let path = keep.files(&files)?.to_path_buf();
        keep.release();
        print(&self.format.table(&rows))?;
        if self.format == Format::Text {
            print(&format!("\nWritten to {}, see compare.svg there.\n", path.display()))?;
        }
        match rows.iter().all(|row| row.failed == row.accuracies.len()) {
            true => Err(report::none_ended(&outcomes)),
            false => Ok(()),
        }
    }
}

/// The rows of the table, start by start.
fn rows(outcomes: &[Outcome], rates: &[f32]) -> Vec<Row> {
    let mut schemes: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !schemes.contains(&outcome.scheme.as_str()) {
            schemes.push(&outcome.scheme);
        }
    }
    let mut rows = Vec::new();
    for scheme in schemes {
        let first = rows.len();
        for &rate in rates {
            let of = outcomes.iter().filter(|o| o.scheme == scheme && o.rate == rate);
            let of: Vec<_> = of.collect();
            let accuracy = |outcome: &&Outcome| match (&outcome.failure, outcome.epochs.last()) {
                (None, Some(last)) => 100.0 * last.test.accuracy(),
                _ => 0.0,
            };
            let losses = of.iter().filter(|outcome| outcome.failure.is_none());
            let losses = losses.filter_map(|outcome| outcome.epochs.last());
            let losses: Vec<_> = losses.map(|last| f64::from(last.test.loss)).collect();
            rows.push(Row {
                scheme: scheme.to_string(),
                rate,
                accuracies: of.iter().map(accuracy).collect(),
                loss: losses.iter().sum::<f64>() / losses.len() as f64,
                failed: of.iter().filter(|outcome| outcome.failure.is_some()).count(),
                best: false,
            });
        }
        let of_scheme = rows.get_mut(first..).unwrap_or_default();
        // of equals the first
        let best = of_scheme.iter_mut().reduce(|a, b| if b.mean() > a.mean() { b } else { a });
        if let Some(best) = best {
            best.best = true;
        }
    }
    rows
}

impl Format {
    fn table(self, rows: &[Row]) -> String {
        let mut table = String::new();
        let cells = |row: &Row| {
            let (mean, deviation) = (row.mean(), row.deviation());
            let loss =
                if row.loss.is_nan() { "–".to_string() } else { format!("{:.4}", row.loss) };
            let accuracy = format!("{mean:.2} ± {deviation:.2}");
            let seeds = format!("{}/{}", row.accuracies.len() - row.failed, row.accuracies.len());
            [row.scheme.clone(), row.rate.to_string(), accuracy, loss, seeds]
        };
        let head = ["scheme", "rate", "test accuracy, %", "test loss", "seeds"];
        match self {
            Self::Json => {
                for row in rows {
                    let line = json!({
                        "scheme": row.scheme, "rate": decimal(row.rate), "best": row.best,
                        "mean": row.mean(), "deviation": row.deviation(), "loss": row.loss,
                        "accuracies": row.accuracies, "failed": row.failed,
                    });
                    table += &format!("{line}\n");
                }
            }
            Self::Csv => {
                table += "scheme,rate,best,mean,deviation,loss,seeds,failed\n";
                for row in rows {
                    let Row { scheme, rate, best, loss, failed, accuracies } = row;
                    let (mean, deviation, seeds) = (row.mean(), row.deviation(), accuracies.len());
                    table += &format!(
                        "{scheme},{rate},{best},{mean},{deviation},{loss},{seeds},{failed}\n"
                    );
                }
            }
            Self::Markdown => {
                table += &format!("| {} |\n|---|---|---|---|---|\n", head.join(" | "));
                for row in rows {
                    let mut cells = cells(row);
                    if row.best {
                        cells[2] = format!("**{}**", cells[2]);
                    }
                    table += &format!("| {} |\n", cells.join(" | "));
                }
            }
            Self::Text => {
                let width = rows.iter().map(|row| row.scheme.len()).max().unwrap_or(0).max(6);
                let mut line = |[scheme, rate, accuracy, loss, seeds]: [&str; 5], mark: &str| {
                    table += &format!(
                        "{scheme:<width$}  {rate:>8}  {accuracy:>16}  {loss:>9}  {seeds:>6}{mark}\n"
                    );
                };
                line(head, "");
                for row in rows {
                    let cells = cells(row);
                    line(
                        cells.each_ref().map(String::as_str),
                        if row.best { "  best" } else { "" },
                    );
                }
            }
        }
        table
    }
}
