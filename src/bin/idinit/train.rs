//! `idinit train`: one network, trained from several starts side by side.

use crate::failure::Failure;
use crate::folder::Folder;
use crate::job::{Job, Start, Told};
use crate::keep::Keep;
use crate::log::Log;
use crate::network;
use crate::output::print;
use crate::report::{self, Outcome};
use crate::training::Training;
use clap::Args;
use idinit::train::Time;
use serde_json::json;
use std::path::PathBuf;
use std::sync::OnceLock;
use toml::{Table, Value};

/// Train a network from several starts side by side, and compare them.
///
/// Without arguments it trains a small residual network without norms on handwritten digits, from
/// IDInit and from Kaiming, in seconds. A run is a function of its settings: the same command gives
/// the same weights, whatever the number of threads, and with --engine portable whatever the machine.
///
/// The run's folder is there from the beginning with config.toml (every setting, for --config) and
/// log.jsonl (every epoch as it ends: `tail -f` follows it). At the end it holds curve.svg and
/// curve.png (accuracy and loss by epoch), weights-SCHEME.bin (f32, little-endian) with weights-SCHEME.json (its layers, shapes
/// and checksum), confusion-SCHEME.csv and config.json (the settings for programs) too.
///
/// With --checkpoint, a run that was stopped, however that happened, goes on by
/// `idinit train --resume FOLDER` to the bits of a run that was not.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit train
  idinit train residual --width 16 --blocks 8 --scheme idinit,torch,fixup
  idinit train mlp --hidden 64,64 --epochs 20 --rate 0.02 --schedule cosine
  bash examples/get-data.sh mnist data && idinit train linear5 --data-dir data --scheme idinit
  idinit train gpt --text FILE --layers 2 --width 64 --heads 4 --context 64
  idinit train resnet --checkpoint 500 --out run    and, after it was stopped,
  idinit train --resume run
  idinit train --json | jq 'select(.event == \"result\")'")]
pub struct Train {
    #[command(flatten)]
    training: Training,
    /// The starts to compare
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "idinit,kaiming")]
    #[arg(value_parser = network::schemes())]
    scheme: Vec<String>,
    /// A TOML file of settings: options by their long names, and model; options of the command win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The run's folder, new or empty [default: runs/MODEL-DATA, with a number if that is there]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep checkpoints, every so many steps (`500`) or epochs (`1 epoch`) and behind each epoch
    #[arg(long, value_name = "TIME")]
    checkpoint: Option<Time>,
    /// Go on with the run of this folder, from its checkpoints
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "out"])]
    resume: Option<PathBuf>,
    /// Log every so many steps too, not only epochs; 0 is for none
    #[arg(long, value_name = "N", default_value_t = 0)]
    log_steps: u64,
    /// One JSON object a line, for programs: the run, its epochs, its results
    #[arg(long)]
    json: bool,
}

impl Train {
    pub fn run(self) -> Result<(), Failure> {
        let Self { json, log_steps, checkpoint, resume, .. } = self;
        let (eps, seed) = (self.training.eps, self.training.seed);
        // a start that its network cannot have is found out before data is read
        let starts = starts(&self.training, &self.scheme, eps, seed)?;
        let settled = self.training.settle()?;
        let rate = settled.settings.rate;
        let starts = starts.into_iter().map(|start| Start { rate, ..start }).collect();
        let mut job = Job { settled, starts, eps, keep: None, log_steps, data: OnceLock::new() };
        let at_once = job.at_once(resume.is_some() || checkpoint.is_some())?;
        let names = job.starts.iter().map(|start| Value::String(start.label.clone())).collect();
        let mut more = Table::from_iter([("scheme".to_string(), Value::Array(names))]);
        if log_steps > 0 {
            more.insert("log-steps".to_string(), Value::Integer(log_steps as i64));
        }
        if let Some(every) = checkpoint {
            more.insert("checkpoint".to_string(), Value::String(every.to_string()));
        }
        let toml = job.toml(more);
        let mut known = Vec::new();
        if !job.settled.part.leads() {
            job.keep = resume.map(Keep::reading);
            let outcomes = job.train(at_once, |_| Ok(()))?;
            return succeeded(&outcomes);
        }
        let keep = match resume {
            Some(path) => {
                let keep = Keep::new(path, Some(checkpoint.unwrap_or(Time::NONE)))?;
                for start in &job.starts {
                    let notes =
                        keep.notes(&start.label, job.identity(start).map_err(Failure::failed)?)?;
                    known.extend(Outcome::noted(&start.label, &notes));
                }
                keep
            }
            None => {
                let (model, data) = (job.settled.network.entry.name, job.settled.network.data);
                let new = Folder::new(self.out, &format!("{model}-{}", data.name()))?;
                Keep::new(new.write(&[toml])?, checkpoint)?
            }
        };
        let mut log = Log::open(&keep.folder, &known)?;
        job.keep = Some(keep);
        match json {
            true => print(&format!("{}\n", job.config()))?,
            false => print(&job.introduction(at_once))?,
        }
        let outcomes = job.train(at_once, |told| match told {
            Told::Event(event) => {
                log.write(event)?;
                if json { print(&format!("{event}\n")) } else { Ok(()) }
            }
            Told::Outcome(outcome) => log.write(&outcome.event()),
        })?;
        let files = job.files(&outcomes)?;
        let Some(keep) = job.keep.take() else {
            return Err(Failure::failed("there is no folder to write to"));
        };
        let path = keep.files(&files)?.to_path_buf();
        keep.release();
        if json {
            for outcome in &outcomes {
                print(&format!("{}\n", outcome.event()))?;
            }
            print(&format!("{}\n", json!({ "event": "written", "folder": path })))?;
        } else {
            print(&report::table(&outcomes, job.settled.settings.epochs))?;
            print(&format!("\nWritten to {}, see curve.svg there.\n", path.display()))?;
        }
        succeeded(&outcomes)
    }
}

/// Whether there is a start that was trained to the end.
fn succeeded(outcomes: &[Outcome]) -> Result<(), Failure> {
    match outcomes.iter().all(|outcome| outcome.failure.is_some()) {
        true => Err(report::none_ended(outcomes)),
        false => Ok(()),
    }
}

/// The starts of these names, each once.
pub fn starts(
    training: &Training,
    names: &[String],
    eps: Option<f32>,
    seed: u64,
) -> Result<Vec<Start>, Failure> {
    let network = training.choice.network()?;
    let mut schemes = Vec::new();
    for name in names {
        if !schemes.iter().any(|(there, _)| there == name) {
            schemes.push((name.clone(), network.scheme(name, seed)?));
        }
    }
    if let Some(eps) = eps {
        network::set_eps(&mut schemes, eps)?;
    }
    let start = |(scheme, named): (String, _)| Start {
        label: scheme.clone(),
        scheme,
        named,
        rate: 0.0,
        seed,
    };
    Ok(schemes.into_iter().map(start).collect())
}
