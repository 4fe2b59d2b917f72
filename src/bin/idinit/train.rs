//! `idinit train`: one network, trained from several starts side by side.

use crate::failure::Failure;
use crate::folder::Folder;
use crate::job::Job;
use crate::network::{self, Choice};
use crate::output::print;
use crate::report;
use crate::weights::{finite, positive};
use clap::Args;
use idinit::init::Named;
use idinit::model::catalog::Habits;
use idinit::plan::Mode;
use idinit::train::{Schedule, ScheduleError, Settings, Time};
use idinit::update::{Clip, Momentum};
use serde_json::json;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::thread;

/// Train a network from several starts side by side, and compare them.
///
/// Without arguments it trains a small residual network without norms on handwritten digits, from
/// IDInit and from Kaiming, in seconds. A run is a function of its settings: the same command gives
/// the same weights, whatever the machine and the number of threads.
///
/// The run's folder holds curve.svg (accuracy and loss by epoch), weights-SCHEME.bin (f32,
/// little-endian) with weights-SCHEME.json (its layers, shapes and checksum), log.jsonl (every
/// epoch) and config.json (every setting).
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit train
  idinit train residual --width 16 --blocks 8 --scheme idinit,torch,fixup
  idinit train mlp --hidden 64,64 --epochs 20 --rate 0.02 --schedule cosine
  bash examples/get-data.sh mnist data && idinit train linear5 --data-dir data --scheme idinit
  idinit train --json | jq 'select(.event == \"result\")'")]
pub struct Train {
    #[command(flatten)]
    choice: Choice,
    /// The folder with the files of mnist, fashion and cifar10, as examples/get-data.sh leaves them
    #[arg(long, value_name = "DIR", default_value = "data", help_heading = "Network")]
    data_dir: PathBuf,
    /// The starts to compare
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "idinit,kaiming")]
    #[arg(value_parser = network::schemes())]
    scheme: Vec<String>,
    /// ε of IDIZ, in the starts that have one [default: by start]
    #[arg(long, value_name = "E", value_parser = positive, allow_negative_numbers = true)]
    eps: Option<f32>,
    /// How often all examples are taken [default: by model]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<NonZeroU32>,
    /// Examples in a step [default: by model]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch: Option<NonZeroU32>,
    /// The largest learning rate, from 0 to 1000 [default: by model]
    #[arg(long, value_name = "R", value_parser = rate, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    rate: Option<f32>,
    /// The momentum, from 0 to less than 1 [default: by model]
    #[arg(long, value_name = "M", value_parser = momentum, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    momentum: Option<f32>,
    /// The weight decay, from 0 on; times the rate it is at most 1 [default: by model]
    #[arg(long, value_name = "D", value_parser = positive, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    decay: Option<f32>,
    /// Let the momentum look ahead (Nesterov)
    #[arg(long, help_heading = "Training")]
    nesterov: bool,
    /// Shorten gradients to this Euclidean norm, greater than 0
    #[arg(long, value_name = "NORM", value_parser = norm, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    clip: Option<f32>,
    /// How the rate goes on: constant, linear (to zero), cosine, `step: 30 epochs: 0.1` or
    /// `milestones: 32000, 48000: 0.1` [default: by model]
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    schedule: Option<Schedule>,
    /// Steps or epochs (`3 epochs`) in which the rate rises to its largest
    #[arg(long, value_name = "TIME", default_value = "0", help_heading = "Training")]
    warm_up: Time,
    /// What the order of the examples and random starts depend on
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    seed: u64,
    /// How many starts are trained at once [default: one a processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroU32>,
    /// The run's folder, new or empty [default: runs/MODEL-DATA, with a number if that is there]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One JSON object a line, for programs: the run, its epochs, its results
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f32, &'static str> {
    let most = idinit::engine::MOST_RATE;
    finite(text).ok().filter(|rate| (0.0..=most).contains(rate)).ok_or("not from 0 to 1000")
}

fn momentum(text: &str) -> Result<f32, &'static str> {
    let sound = |momentum: &f32| (0.0..1.0).contains(momentum);
    finite(text).ok().filter(sound).ok_or("not from 0 to less than 1")
}

fn norm(text: &str) -> Result<f32, &'static str> {
    finite(text).ok().filter(|&norm| norm > 0.0).ok_or("not a number greater than 0")
}

impl Train {
    pub fn run(mut self) -> Result<(), Failure> {
        let (json, out) = (self.json, self.out.take());
        let job = self.job()?;
        let (model, data) = (job.network.entry.name, job.network.data.name());
        let folder = Folder::new(out, &format!("{model}-{data}"))?;
        let config = job.config();
        if json {
            print(&format!("{config}\n"))?;
        } else {
            print(&job.introduction())?;
        }
        let outcomes = job.train(json)?;
        let path = folder.write(&job.files(&outcomes)?)?;
        if json {
            for outcome in &outcomes {
                print(&format!("{}\n", outcome.event()))?;
            }
            print(&format!("{}\n", json!({ "event": "written", "folder": path })))?;
        } else {
            print(&report::table(&outcomes, job.settings.epochs))?;
            print(&format!("\nWritten to {}, see curve.svg there.\n", path.display()))?;
        }
        match outcomes.iter().all(|outcome| outcome.failure.is_some()) {
            true => Err(Failure::failed("no start could be trained to the end")),
            false => Ok(()),
        }
    }

    /// Settles every setting.
    fn job(self) -> Result<Job, Failure> {
        let network = self.choice.network()?;
        if network.entry.habits.update != "sgd" {
            let (name, update) = (network.entry.name, network.entry.habits.update);
            return Err(Failure::usage(format!("{name} is trained by {update}, not by sgd")));
        }
        let Habits { epochs, batch, rate, momentum, decay, schedule: by_model, .. } =
            network.entry.habits;
        let schedule = match self.schedule {
            Some(schedule) => schedule,
            None => by_model.parse().map_err(|error: ScheduleError| Failure::usage(error))?,
        };
        let settings = Settings {
            epochs: self.epochs.map_or(epochs, NonZeroU32::get),
            rate: self.rate.unwrap_or(rate),
            schedule,
            warm_up: self.warm_up,
            seed: self.seed,
        };
        let update = Momentum {
            momentum: self.momentum.unwrap_or(momentum),
            decay: self.decay.unwrap_or(decay),
            nesterov: self.nesterov,
        };
        let (rate, decay) = (settings.rate, update.decay);
        // in single precision, as the engine multiplies them
        if rate * decay > 1.0 {
            return Err(Failure::usage(format!(
                "--rate {rate} times --decay {decay} is more than 1: decay would turn weights \
                 around"
            )));
        }
        let mut schemes: Vec<(String, Named)> = Vec::new();
        for name in self.scheme {
            if !schemes.iter().any(|(there, _)| *there == name) {
                let scheme = network.scheme(&name, self.seed)?;
                schemes.push((name, scheme));
            }
        }
        if let Some(eps) = self.eps {
            network::set_eps(&mut schemes, eps)?;
        }
        let mode = match self.clip {
            None => Mode::train::<Momentum>(),
            Some(_) => Mode::train::<Clip<Momentum>>(),
        };
        let batch = self.batch.map_or(batch, NonZeroU32::get) as usize;
        let plan = network.model.plan(mode, batch).map_err(Failure::usage)?;
        let parts = network.data.load(&self.data_dir)?;
        let count = parts.train.count();
        if batch > count {
            let why = format!("a batch of {batch} is more than the {count} examples");
            return Err(Failure::Usage(why));
        }
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.map_or(processors, |threads| threads.get() as usize);
        Ok(Job {
            network,
            plan,
            parts,
            threads: threads.min(schemes.len()),
            schemes,
            eps: self.eps,
            settings,
            update,
            clip: self.clip,
        })
    }
}
