//! Runs from several starts, with nothing left open: the work behind `idinit train` and `compare`.

use crate::config;
use crate::curve;
use crate::failure::Failure;
use crate::keep::{Identity, Keep};
use crate::memory;
use crate::output::zeros;
use crate::report::{self, Outcome, decimal};
use crate::settled::Settled;
use crate::training::Engines;
use idinit::checkpoint;
use idinit::engine::{Host, Memory, Portable};
use idinit::init::Named;
use idinit::layer::All;
use idinit::recipe::zoo;
use idinit::train::{Settings, Time};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

/// One of the runs.
pub struct Start {
    /// What it is called, in files too.
    pub label: String,
    pub scheme: String,
    pub named: Named,
    pub rate: f32,
    pub seed: u64,
}

/// All that runs are made of.
pub struct Job {
    pub settled: Settled,
    pub starts: Vec<Start>,
    /// The ε that was asked for instead of the starts' own.
    pub eps: Option<f32>,
    pub keep: Option<Keep>,
    /// Every how many steps a step is an event; never, if 0.
    pub log_steps: u64,
    /// The checksum of the data, once it is known.
    pub data: OnceLock<u64>,
}

/// What happens in a run.
pub enum Told<'a> {
    /// A step or an epoch.
    Event(&'a Value),
    /// A start is at its end.
    Outcome(&'a Outcome),
}

/// What a thread has to tell.
pub enum Message {
    Event(Value),
    Done(usize, Box<Outcome>),
}

impl Job {
    /// Where checkpoints are kept, if they are.
    pub fn kept(&self) -> Option<&Keep> {
        self.keep.as_ref().filter(|keep| keep.every.is_some())
    }

    fn names(&self) -> Vec<&str> {
        self.starts.iter().map(|start| start.label.as_str()).collect()
    }

    /// Every setting, as an event. The number of threads is none: it changes nothing.
    pub fn config(&self) -> Value {
        let settled = &self.settled;
        let mut config = json!({
            "event": "run", "version": env!("CARGO_PKG_VERSION"),
            "sizes": settled.network.sizes, "train_examples": settled.parts.train.count(),
            "test_examples": settled.parts.test.count(),
            "weights": settled.plan.net().weights(), "schemes": self.names(),
            "eps": self.eps.map(decimal), "clip": Value::Null,
        });
        let sizes: Vec<_> =
            settled.network.options.iter().map(|(setting, _)| setting.name).collect();
        for (name, value) in settled.table() {
            let place = ["data-dir", "text", "vectors-file"].contains(&name.as_str());
            let wanted = !place && !sizes.contains(&name.as_str());
            if let (Some(config), true) = (config.as_object_mut(), wanted) {
                config.insert(name.replace('-', "_"), json!(value));
            }
        }
        config
    }

    /// What tells a run from all others: its settings and its start, and its data.
    pub fn identity(&self, start: &Start) -> Result<Identity, String> {
        let data = match self.data.get() {
            Some(data) => *data,
            None => {
                let sum = self.settled.parts.checksum().map_err(|error| error.to_string())?;
                let vectors = self.settled.vectors.iter().flatten();
                let mut bytes = sum.to_le_bytes().to_vec();
                bytes.extend(vectors.flat_map(|x| x.to_bits().to_le_bytes()));
                *self.data.get_or_init(|| checkpoint::checksum(&bytes))
            }
        };
        Ok(Identity { settings: self.checksum(start), data })
    }

    /// The checksum of the settings and a start.
    fn checksum(&self, start: &Start) -> u64 {
        let mut config = self.config();
        if let Some(config) = config.as_object_mut() {
            config.remove("schemes");
            // another engine can go on from where one stood
            config.remove("engine");
            config.remove("precision");
        }
        let Start { scheme, rate, seed, .. } = start;
        let text = format!("{config}\n{scheme} {rate} {seed}");
        checkpoint::checksum(text.as_bytes())
    }

    /// What all processes must begin with alike: the settings, the start, and the checkpoint.
    #[cfg(feature = "cuda")]
    fn about(&self, start: &Start) -> Result<u64, String> {
        let kept = match self.kept() {
            Some(keep) => keep.checksum(&start.label)?,
            None => 0,
        };
        Ok(self.checksum(start) ^ kept)
    }

    /// What is about to be run, for people.
    pub fn introduction(&self, at_once: usize) -> String {
        let settled = &self.settled;
        let Settings { epochs, rate, schedule, warm_up, seed } = settled.settings;
        let mut text = format!(
            "{} on {}: {} layers, {} weights; {} examples to learn from, {} held back\n",
            settled.network.entry.name,
            settled.network.data.name(),
            settled.network.model.nodes().len(),
            settled.plan.net().weights(),
            settled.parts.train.count(),
            settled.parts.test.count(),
        );
        text += &format!("{epochs} epochs, batch {}", settled.batch());
        if settled.accumulate > 1 {
            text += &format!(" × {}", settled.accumulate);
        }
        text += &format!(", rate {rate} {schedule}");
        if !matches!(warm_up, Time::Steps(0) | Time::Epochs(0.0)) {
            text += &format!(" after {warm_up} of warm-up");
        }
        text += &format!(", {}, seed {seed}", settled.movement());
        if settled.vectors.is_some() {
            text += ", words as GloVe has them";
        }
        text += &format!("\nfrom {}", self.names().join(", "));
        if let Some(eps) = self.eps {
            text += &format!(", with an ε of {eps}");
        }
        text + &format!("; {at_once} at once\n\n")
    }

    /// How many starts are trained at once: as many as there are threads, if memory allows.
    ///
    /// `kept` is whether there are checkpoints.
    pub fn at_once(&self, kept: bool) -> Result<usize, Failure> {
        let net = self.settled.plan.net();
        // several processes must train the same start at the same time
        let most = if self.settled.part.size > 1 { 1 } else { self.settled.threads };
        let wanted = most.min(self.starts.len());
        let free = self.settled.memory.or_else(memory::free);
        memory::at_once(memory::need(&net, kept), wanted, free)
    }

    /// Trains from every start, so many at once. Which thread takes which start changes nothing.
    ///
    /// `tell` hears of every event as it happens, and of every outcome. Where it fails, the command
    /// ends: checkpoints are whole at any moment, and nobody waits for the threads.
    pub fn train(
        &self,
        at_once: usize,
        tell: impl FnMut(Told<'_>) -> Result<(), Failure>,
    ) -> Result<Vec<Outcome>, Failure> {
        self.train_but(&[], at_once, tell)
    }

    /// Trains from every start but those that are `done`, by their places.
    pub fn train_but(
        &self,
        done: &[bool],
        at_once: usize,
        mut tell: impl FnMut(Told<'_>) -> Result<(), Failure>,
    ) -> Result<Vec<Outcome>, Failure> {
        let is_done = |place: usize| done.get(place).is_some_and(|done| *done);
        let lacking = (0..).zip(&self.starts).filter(|(place, _)| !is_done(*place));
        let starts: Vec<_> = lacking.map(|(_, start)| start).collect();
        let mut tell = |told: Told<'_>| {
            if let Err(failure) = tell(told) {
                failure.tell();
                process::exit(failure.code().into());
            }
        };
        let name = |i| format!("idinit-{i}");
        let pool = ThreadPoolBuilder::new().num_threads(self.settled.threads).thread_name(name);
        let pool = Arc::new(pool.build().map_err(|error| Failure::failed(error.to_string()))?);
        let width = starts.iter().map(|start| start.label.len()).max().unwrap_or(0);
        let bars = match self.settled.part.leads() {
            true => MultiProgress::new(),
            false => MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        };
        let with_bars = starts.iter().map(|start| bars.add(bar(&start.label, width)));
        let with_bars: Vec<_> = with_bars.collect();
        let queue = Mutex::new(starts.iter().copied().zip(&with_bars).enumerate());
        let (send, receive) = mpsc::channel();
        let mut outcomes: Vec<Option<Outcome>> = starts.iter().map(|_| None).collect();
        thread::scope(|scope| {
            for _ in 0..at_once {
                let (send, queue, pool) = (send.clone(), &queue, &pool);
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                scope.spawn(move || {
                    while let Some((place, (start, bar))) = next() {
                        let outcome = self.train_from(start, pool, bar, &send);
                        // the receiver outlives the threads
                        let _ = send.send(Message::Done(place, Box::new(outcome)));
                    }
                });
            }
            drop(send);
            for message in receive {
                match message {
                    Message::Event(event) => tell(Told::Event(&event)),
                    Message::Done(place, outcome) => {
                        tell(Told::Outcome(&outcome));
                        outcomes[place] = Some(*outcome);
                    }
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

    fn train_from(
        &self,
        start: &Start,
        pool: &Arc<ThreadPool>,
        bar: &ProgressBar,
        send: &Sender<Message>,
    ) -> Outcome {
        let mut outcome = Outcome::of(start);
        if let Err(why) = self.train_on(start, pool, bar, send, &mut outcome) {
            outcome.failure = Some(why);
            outcome.weights = Vec::new();
        }
        match &outcome.failure {
            None => bar.finish(),
            Some(_) => bar.abandon_with_message("failed"),
        }
        outcome
    }

    fn train_on(
        &self,
        start: &Start,
        pool: &Arc<ThreadPool>,
        bar: &ProgressBar,
        send: &Sender<Message>,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let (net, update) = (self.settled.plan.net(), self.settled.update);
        match self.settled.engine {
            Engines::Host => {
                let engine = Host::on(Arc::clone(pool), net, update);
                let mut engine = engine.map_err(|error| error.to_string())?;
                self.walk(&mut engine, start, bar, send, outcome)
            }
            #[cfg(feature = "cuda")]
            Engines::Cuda => {
                let part = &self.settled.part;
                let about = if part.size > 1 { self.about(start)? } else { 0 };
                let precision = self.settled.precision.chosen();
                let engine = part.engine(net, update, about, precision);
                let mut engine = engine.map_err(|error| error.to_string())?;
                self.walk(&mut engine, start, bar, send, outcome)
            }
            #[cfg(not(feature = "cuda"))]
            Engines::Cuda => Err(crate::gpu::NOT_BUILT.to_string()),
            Engines::Portable => {
                let buffer = |count| zeros(count).map_err(|failure| failure.to_string());
                let mut weights = buffer(net.weights())?;
                let (mut state, mut arena) = (buffer(net.state())?, buffer(net.arena())?);
                let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
                let engine = Portable::<All, _>::new(net, update, memory);
                let mut engine = engine.map_err(|error| error.to_string())?;
                self.walk(&mut engine, start, bar, send, outcome)
            }
        }
    }

    /// The settings as a file that `--config` takes, with what only this command knows.
    pub fn toml(&self, more: toml::Table) -> (String, Vec<u8>) {
        let mut table = self.settled.table();
        if let Some(eps) = self.eps {
            table.insert("eps".to_string(), config::decimal(eps));
        }
        table.extend(more);
        (config::NAME.to_string(), table.to_string().into_bytes())
    }

    /// What names the start of an outcome; nothing, where data had a part in it.
    fn recipe(&self, outcome: &Outcome) -> Option<String> {
        let start = self.starts.iter().find(|start| start.label == outcome.label)?;
        if start.named.needs_data() || self.settled.vectors.is_some() {
            return None;
        }
        let network = &self.settled.network;
        let recipe = zoo::recipe(network.entry, (&network.options, network.task), &start.named);
        recipe.ok().map(|recipe| recipe.to_string())
    }

    /// The files of the run, by name.
    pub fn files(&self, outcomes: &[Outcome]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let lines = |value: &Value| format!("{value:#}\n").into_bytes();
        let network = &self.settled.network;
        let title = format!("{} on {}", network.entry.name, network.data.name());
        let mut files = vec![("config.json".to_string(), lines(&self.config()))];
        files.extend(curve::of_run(&title, outcomes)?);
        for outcome in outcomes.iter().filter(|outcome| outcome.failure.is_none()) {
            let recipe = self.recipe(outcome);
            let description = outcome.description(network, &self.settled.plan.net(), recipe);
            files.push((format!("weights-{}.bin", outcome.label), outcome.bytes()));
            files.push((format!("weights-{}.json", outcome.label), lines(&description)));
            // a language model has too many answers to be looked at in pairs
            if let Some(confusion) = outcome.confusion.as_ref().filter(|c| c.classes() <= 1000) {
                let csv = report::confusion(confusion, &self.settled.parts.classes);
                files.push((format!("confusion-{}.csv", outcome.label), csv.into_bytes()));
            }
        }
        Ok(files)
    }
}

/// A line that shows how far a run is; hidden where stderr is no terminal.
fn bar(name: &str, width: usize) -> ProgressBar {
    const TEMPLATE: &str =
        "{prefix}  {wide_bar} {pos:>6}/{len} steps  {per_sec}  {eta} left  {msg}";
    let style =
        ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_prefix(format!("{name:<width$}"))
}
