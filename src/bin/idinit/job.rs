//! Runs from several starts, with nothing left open: the work behind `idinit train` and `compare`.

use crate::config;
use crate::curve;
use crate::failure::Failure;
use crate::keep::{Identity, Keep, Kept, Notes};
use crate::memory;
use crate::output::zeros;
use crate::report::{self, Outcome, decimal};
use crate::training::{Engines, Settled, Way};
use idinit::checkpoint;
use idinit::engine::{Engine, Error, Host, Memory, Portable};
use idinit::init::Named;
use idinit::layer::{All, Kind};
use idinit::model::key;
use idinit::plan::Net;
use idinit::train::{Blame, Position, Run, Settings, Stop, Time, blame, lsuv};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

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
enum Message {
    Event(Value),
    Done(usize, Box<Outcome>),
}

/// An engine that can be started, and looked into.
trait Startable: Engine<Error = Error> {
    fn begin(&mut self, scheme: &Named, seed: u64);
    fn numbers(&mut self) -> &mut [f32];
}

impl Startable for Host<'_, Way> {
    fn begin(&mut self, scheme: &Named, seed: u64) {
        self.start(scheme);
        self.seed(seed);
    }
    fn numbers(&mut self) -> &mut [f32] {
        self.all_weights_mut()
    }
}

impl Startable for Portable<'_, All, Way> {
    fn begin(&mut self, scheme: &Named, seed: u64) {
        self.start(scheme);
        self.seed(seed);
    }
    fn numbers(&mut self) -> &mut [f32] {
        self.all_weights_mut()
    }
}

impl Job {
    /// Where checkpoints are kept, if they are.
    fn kept(&self) -> Option<&Keep> {
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
        let mut config = self.config();
        if let Some(config) = config.as_object_mut() {
            config.remove("schemes");
        }
        let Start { scheme, rate, seed, .. } = start;
        let text = format!("{config}\n{scheme} {rate} {seed}");
        Ok(Identity { settings: checkpoint::checksum(text.as_bytes()), data })
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
        let wanted = self.settled.threads.min(self.starts.len());
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
        let bars = MultiProgress::new();
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

    /// Trains on an engine, from the start or from its checkpoint, to the end.
    fn walk<E: Startable>(
        &self,
        engine: &mut E,
        start: &Start,
        bar: &ProgressBar,
        send: &Sender<Message>,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let (settled, net) = (&self.settled, self.settled.plan.net());
        let settings = Settings { rate: start.rate, seed: start.seed, ..settled.settings };
        let (train, test) = (&*settled.parts.train, &*settled.parts.test);
        let run = Run::new(&net, settings, train, test).map_err(|error| error.to_string())?;
        let mut run = run.mixed(settled.mix).in_parts(settled.accumulate);
        let mut notes = Notes::default();
        engine.begin(&start.named, start.seed);
        let keep = match self.kept() {
            Some(keep) => Some((keep, self.identity(start)?)),
            None => None,
        };
        let kept = match keep {
            Some((keep, identity)) => keep.restore(&start.label, identity, engine)?,
            None => None,
        };
        notes.data = keep.map_or(0, |(_, identity)| identity.data);
        match kept {
            Some((standing, before)) => (run, notes) = (run.at(standing), before),
            None => self.begin(engine, &net, start)?,
        }
        let per_epoch = run.steps_per_epoch();
        bar.set_length(per_epoch * u64::from(settings.epochs));
        bar.set_position(run.steps());
        bar.reset_eta();
        outcome.take(&notes);
        let (before, begin) = (notes.seconds, Instant::now());
        let label = start.label.as_str();
        while self.is_patient(outcome) {
            let mut fault = None;
            let (first, since) = (run.steps(), Instant::now());
            let walked = run.walk(engine, |engine, taken| {
                bar.inc(1);
                if self.log_steps > 0 && taken.step.is_multiple_of(self.log_steps) {
                    let event = report::step(label, taken);
                    notes.steps.push(event.clone());
                    let _ = send.send(Message::Event(event));
                }
                if let Some((keep, identity)) = keep
                    && keep.is_due(taken.step, per_epoch)
                {
                    notes.seconds = before + begin.elapsed().as_secs_f64();
                    let place = (&net, taken.standing);
                    if let Err(why) = keep.write(label, identity, engine, place, &notes) {
                        fault = Some(why);
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            let epoch = match (walked, fault) {
                (_, Some(why)) => return Err(why),
                (Err(stop), None) => return Err(self.explain(&run, engine, stop)),
                (Ok(None), None) => break,
                (Ok(Some(epoch)), None) => epoch,
            };
            let seconds = since.elapsed().as_secs_f64();
            let steps = run.steps() - first;
            let share = steps as f64 / per_epoch as f64;
            let examples = share * settled.parts.train.count() as f64;
            let throughput = examples / seconds.max(1e-9);
            bar.set_message(format!(
                "epoch {}/{}  loss {:.4}  test {:.2} %  {throughput:.0} examples/s",
                epoch.number,
                settings.epochs,
                epoch.train_loss,
                100.0 * epoch.test.accuracy(),
            ));
            notes.epochs.push(Kept::new(&epoch, seconds));
            notes.seconds = before + begin.elapsed().as_secs_f64();
            outcome.take(&notes);
            let _ = send.send(Message::Event(report::epoch(label, &epoch, Some(throughput))));
            if let Some((keep, identity)) = keep {
                let place = (&net, run.standing());
                keep.write(label, identity, engine, place, &notes)?;
            }
        }
        outcome.seconds = before + begin.elapsed().as_secs_f64();
        let confusion = run.confusion(engine).map_err(|error| error.to_string())?;
        outcome.confusion = Some(confusion);
        outcome.weights = engine.numbers().to_vec();
        Ok(())
    }

    /// Whether a better test accuracy is still waited for.
    fn is_patient(&self, outcome: &Outcome) -> bool {
        let Some(patience) = self.settled.patience else { return true };
        let mut best = (0, 0);
        for epoch in &outcome.epochs {
            if epoch.test.correct > best.1 || best.0 == 0 {
                best = (epoch.number, epoch.test.correct);
            }
        }
        (outcome.epochs.len() as u32).saturating_sub(best.0) < patience
    }

    /// What a start has beside its rules: what it takes from data.
    fn begin<E: Startable>(
        &self,
        engine: &mut E,
        net: &Net<'_>,
        start: &Start,
    ) -> Result<(), String> {
        if let Some(vectors) = &self.settled.vectors {
            let embedding = net.nodes().iter().zip(net.slots());
            let slot = embedding.into_iter().find(|(node, _)| node.layer.kind() == Kind::Embedding);
            if let Some((_, slot)) = slot {
                let table = slot.weights.of_mut(engine.numbers());
                table.iter_mut().zip(vectors).for_each(|(w, vector)| *w = *vector);
            }
        }
        // behind the table, as it is scaled for what the words are
        if start.named.needs_data() {
            let x = self.first_batch()?;
            lsuv::scale(net, &x, engine.numbers()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Why a run has stopped, with the step and the layer.
    fn explain<E: Startable>(&self, run: &Run<'_>, engine: &mut E, stop: Stop<Error>) -> String {
        let net = self.settled.plan.net();
        let layer = |number: usize| {
            let kind = net.nodes().get(number).map_or("", |node| node.layer.kind().name());
            match key(net.nodes(), number).to_string() {
                name if name.is_empty() => format!("layer {number} ({kind})"),
                name => format!("layer {number} ({kind}, {name})"),
            }
        };
        let step = run.steps() + 1;
        let error = match stop {
            Stop::Engine(error) => error,
            other => return format!("step {step}: {other}"),
        };
        let why = match error {
            Error::Diverged { node } => {
                return format!(
                    "step {step}: the numbers of {} have grown too large to compute with",
                    layer(node)
                );
            }
            Error::Loss(_) => {
                let Position { epoch, batch } = run.standing().next;
                let found = run.batch(Position { epoch, batch }).ok();
                found.and_then(|batch| blame(&net, engine.numbers(), &batch.x))
            }
            _ => None,
        };
        match why {
            Some(Blame::Data { example }) => {
                format!(
                    "step {step}: example {example} of the batch has a number that is not finite"
                )
            }
            Some(Blame::Weight { node }) => {
                format!("step {step}: {} has a weight that is not finite", layer(node))
            }
            Some(Blame::Output { node }) => {
                format!("step {step}: {error}; {} is the first to put out too much", layer(node))
            }
            _ => format!("step {step}: {error}"),
        }
    }

    /// The first examples to learn from, as many as a batch has: what LSUV looks at.
    fn first_batch(&self) -> Result<Vec<f32>, String> {
        let (net, train) = (self.settled.plan.net(), &self.settled.parts.train);
        let example = net.input().len();
        let count = net.batch().min(train.count());
        let mut x = zeros(count * example).map_err(|failure| failure.to_string())?;
        let mut labels = vec![0; train.labels()];
        for (number, x) in x.chunks_mut(example).enumerate() {
            train.read(number, x, &mut labels).map_err(|error| error.to_string())?;
        }
        Ok(x)
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

    /// The files of the run, by name.
    pub fn files(&self, outcomes: &[Outcome]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let lines = |value: &Value| format!("{value:#}\n").into_bytes();
        let network = &self.settled.network;
        let title = format!("{} on {}", network.entry.name, network.data.name());
        let mut files = vec![("config.json".to_string(), lines(&self.config()))];
        files.extend(curve::of_run(&title, outcomes)?);
        for outcome in outcomes.iter().filter(|outcome| outcome.failure.is_none()) {
            let description = outcome.description(network, &self.settled.plan.net());
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
