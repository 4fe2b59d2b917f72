//! A run from several starts, with nothing left open: the work behind `idinit train`.

use crate::curve;
use crate::data::Parts;
use crate::failure::Failure;
use crate::network::Network;
use crate::output::{print, zeros};
use crate::report::{self, Outcome, decimal};
use idinit::engine::{Memory, Portable};
use idinit::init::{Lsuv, Named};
use idinit::layer::All;
use idinit::model::catalog::Planned;
use idinit::train::{Epoch, Run, Settings, Time, lsuv};
use idinit::update::{Clip, Momentum, Update};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// All that a run is made of.
pub struct Job {
    pub network: Network,
    pub plan: Planned,
    pub parts: Parts,
    pub schemes: Vec<(String, Named)>,
    /// The ε that was asked for instead of the starts' own.
    pub eps: Option<f32>,
    pub settings: Settings,
    pub update: Momentum,
    /// The largest norm of a gradient, if there is one.
    pub clip: Option<f32>,
    pub threads: usize,
}

/// What a thread has to tell.
enum Message<'a> {
    Epoch(&'a str, Epoch),
    Done(usize, Outcome),
}

impl Job {
    fn names(&self) -> Vec<&str> {
        self.schemes.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Every setting, as an event. The number of threads is none: it changes nothing.
    pub fn config(&self) -> Value {
        let Settings { epochs, rate, schedule, warm_up, seed } = self.settings;
        let Momentum { momentum, decay, nesterov } = self.update;
        json!({
            "event": "run", "version": env!("CARGO_PKG_VERSION"),
            "model": self.network.entry.name, "sizes": self.network.sizes,
            "data": self.network.data.name(), "train_examples": self.parts.train.count(),
            "test_examples": self.parts.test.count(), "weights": self.plan.net().weights(),
            "schemes": self.names(), "eps": self.eps.map(decimal), "epochs": epochs,
            "batch": self.plan.net().batch(),
            "rate": decimal(rate), "schedule": schedule.to_string(),
            "warm_up": warm_up.to_string(),
            "momentum": decimal(momentum), "decay": decimal(decay), "nesterov": nesterov,
            "clip": self.clip.map(decimal), "seed": seed,
        })
    }

    /// What is about to be run, for people.
    pub fn introduction(&self) -> String {
        let Settings { epochs, rate, schedule, warm_up, seed } = self.settings;
        let Momentum { momentum, decay, nesterov } = self.update;
        let mut text = format!(
            "{} on {}: {} layers, {} weights; {} examples to learn from, {} held back\n",
            self.network.entry.name,
            self.network.data.name(),
            self.network.model.nodes().len(),
            self.plan.net().weights(),
            self.parts.train.count(),
            self.parts.test.count(),
        );
        let batch = self.plan.net().batch();
        text += &format!("{epochs} epochs, batch {batch}, rate {rate} {schedule}");
        if warm_up != Time::NONE {
            text += &format!(" after {warm_up} of warm-up");
        }
        text += &format!(", momentum {momentum}");
        if nesterov {
            text += " (Nesterov)";
        }
        text += &format!(", decay {decay}");
        if let Some(clip) = self.clip {
            text += &format!(", gradients clipped at {clip}");
        }
        text += &format!(", seed {seed}\nfrom {}", self.names().join(", "));
        if let Some(eps) = self.eps {
            text += &format!(", with an ε of {eps}");
        }
        text + &format!("; {} at once\n\n", self.threads)
    }

    /// Trains from every scheme, on as many threads as were asked for. Which thread takes which
    /// scheme, and when, changes nothing but the time.
    pub fn train(&self, json: bool) -> Result<Vec<Outcome>, Failure> {
        let bars = MultiProgress::new();
        let width = self.names().iter().map(|name| name.len()).max().unwrap_or(0);
        let starts = self.schemes.iter().enumerate();
        let starts: Vec<_> = starts
            .map(|(place, (name, scheme))| (place, name, scheme, bars.add(bar(name, width))))
            .collect();
        let starts = Mutex::new(starts.into_iter());
        let (send, receive) = mpsc::channel();
        let mut outcomes: Vec<_> = self.schemes.iter().map(|_| None).collect();
        thread::scope(|scope| {
            for _ in 0..self.threads {
                let (send, starts) = (send.clone(), &starts);
                let next = || starts.lock().unwrap_or_else(PoisonError::into_inner).next();
                scope.spawn(move || {
                    while let Some((place, name, scheme, bar)) = next() {
                        let outcome = self.train_from(name, scheme, &bar, &send);
                        // the receiver outlives the threads
                        let _ = send.send(Message::Done(place, outcome));
                    }
                });
            }
            drop(send);
            for message in receive {
                match message {
                    Message::Epoch(scheme, epoch) if json => {
                        if let Err(failure) = print(&format!("{}\n", report::epoch(scheme, &epoch)))
                        {
                            // nothing is written yet, and nobody waits for the threads
                            failure.tell();
                            process::exit(failure.code().into());
                        }
                    }
                    Message::Epoch(..) => {}
                    Message::Done(place, outcome) => outcomes[place] = Some(outcome),
                }
            }
        });
        if !bars.is_hidden() {
            // the last bar ends without a line break
            let _ = writeln!(io::stderr());
        }
        let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
        outcomes.ok_or_else(|| Failure::failed("a thread ended early"))
    }

    fn train_from<'a>(
        &'a self,
        name: &'a str,
        scheme: &Named,
        bar: &ProgressBar,
        send: &Sender<Message<'a>>,
    ) -> Outcome {
        let begin = Instant::now();
        let mut epochs = Vec::new();
        let mut watch = |epoch: Epoch| {
            bar.set_message(format!(
                "epoch {}/{}  loss {:.4}  test {:.2} %",
                epoch.number,
                self.settings.epochs,
                epoch.train_loss,
                100.0 * epoch.test.accuracy()
            ));
            epochs.push(epoch);
            let _ = send.send(Message::Epoch(name, epoch));
        };
        let weights = match self.clip {
            None => self.train_with(self.update, scheme, bar, &mut watch),
            Some(most) => {
                self.train_with(Clip { update: self.update, most }, scheme, bar, &mut watch)
            }
        };
        let seconds = begin.elapsed().as_secs_f64();
        let (weights, failure) = match weights {
            Ok(weights) => (weights, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        match &failure {
            None => bar.finish(),
            Some(_) => bar.abandon_with_message("failed"),
        }
        Outcome { scheme: name.to_string(), epochs, weights, failure, seconds }
    }

    /// The weights at the end, or why there are none.
    fn train_with<U: Update>(
        &self,
        update: U,
        scheme: &Named,
        bar: &ProgressBar,
        watch: &mut dyn FnMut(Epoch),
    ) -> Result<Vec<f32>, String> {
        let net = self.plan.net();
        let buffer = |count| zeros(count).map_err(|failure| failure.to_string());
        let mut weights = buffer(net.weights())?;
        let (mut state, mut arena) = (buffer(net.state())?, buffer(net.arena())?);
        let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
        let mut engine =
            Portable::<All, _>::new(net, update, memory).map_err(|error| error.to_string())?;
        engine.start(scheme);
        if let Named::Lsuv(Lsuv { seed }) = *scheme {
            let x = self.first_batch()?;
            lsuv::start(&net, seed, &x, engine.all_weights_mut())
                .map_err(|error| error.to_string())?;
        }
        let mut run = Run::new(&net, self.settings, &*self.parts.train, &*self.parts.test)
            .map_err(|error| error.to_string())?;
        bar.set_length(run.steps_per_epoch() * u64::from(self.settings.epochs));
        while let Some(epoch) =
            run.epoch(&mut engine, |_| bar.inc(1)).map_err(|error| error.to_string())?
        {
            watch(epoch);
        }
        Ok(weights)
    }

    /// The first examples to learn from, as many as a batch has: what LSUV looks at.
    fn first_batch(&self) -> Result<Vec<f32>, String> {
        let (net, train) = (self.plan.net(), &self.parts.train);
        let example = net.input().len();
        let count = net.batch().min(train.count());
        let mut x = zeros(count * example).map_err(|failure| failure.to_string())?;
        let mut labels = vec![0; train.labels()];
        for (number, x) in x.chunks_mut(example).enumerate() {
            train.read(number, x, &mut labels).map_err(|error| error.to_string())?;
        }
        Ok(x)
    }

    /// The files of the run, by name.
    pub fn files(&self, outcomes: &[Outcome]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let lines = |value: &Value| format!("{value:#}\n").into_bytes();
        let title = format!("{} on {}", self.network.entry.name, self.network.data.name());
        let mut files = vec![
            ("config.json".to_string(), lines(&self.config())),
            ("log.jsonl".to_string(), outcomes.iter().flat_map(|o| o.log().into_bytes()).collect()),
            ("curve.svg".to_string(), curve::svg(&title, outcomes)?.into_bytes()),
        ];
        for outcome in outcomes.iter().filter(|outcome| outcome.failure.is_none()) {
            let description = outcome.description(&self.network, &self.plan.net());
            files.push((format!("weights-{}.bin", outcome.scheme), outcome.bytes()));
            files.push((format!("weights-{}.json", outcome.scheme), lines(&description)));
        }
        Ok(files)
    }
}

/// A line that shows how far a run is; hidden where stderr is no terminal.
fn bar(name: &str, width: usize) -> ProgressBar {
    const TEMPLATE: &str = "{prefix}  {wide_bar} {pos:>6}/{len} steps  {msg}";
    let style =
        ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_prefix(format!("{name:<width$}"))
}
