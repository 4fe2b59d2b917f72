//! One run from its start, or from its checkpoint, to its end.

use crate::job::{Job, Message, Start};
use crate::keep::{Kept, Notes};
use crate::output::zeros;
use crate::report::{self, Outcome};
use crate::updates::Way;
#[cfg(feature = "cuda")]
use idinit::engine::{Cuda, CudaError};
use idinit::engine::{Engine, Error, Host, Portable};
use idinit::init::Named;
use idinit::layer::{All, Kind};
use idinit::model::key;
use idinit::plan::Net;
use idinit::train::{Blame, Position, Run, Settings, Stop, blame, lsuv};
use indicatif::ProgressBar;
use std::fmt::Display;
use std::ops::ControlFlow;
use std::sync::mpsc::Sender;
use std::time::Instant;

/// An engine that can be started.
pub trait Startable: Engine<Error: Display> {
    /// Writes the start of every weight.
    fn begin(&mut self, scheme: &Named, seed: u64) -> Result<(), Self::Error>;

    /// Why a step was refused, where it is for a reason that all engines have.
    fn reason(error: Self::Error) -> Result<Error, Self::Error>;

    /// Whether all processes that train together know of it.
    fn agreed(_error: &Self::Error) -> bool {
        true
    }
}

impl Startable for Host<'_, Way> {
    fn begin(&mut self, scheme: &Named, seed: u64) -> Result<(), Error> {
        self.start(scheme);
        self.seed(seed);
        Ok(())
    }

    fn reason(error: Error) -> Result<Error, Error> {
        Ok(error)
    }
}

impl Startable for Portable<'_, All, Way> {
    fn begin(&mut self, scheme: &Named, seed: u64) -> Result<(), Error> {
        self.start(scheme);
        self.seed(seed);
        Ok(())
    }

    fn reason(error: Error) -> Result<Error, Error> {
        Ok(error)
    }
}

#[cfg(feature = "cuda")]
impl Startable for Cuda<'_, Way> {
    fn begin(&mut self, scheme: &Named, seed: u64) -> Result<(), CudaError> {
        let _sent = self.start(scheme)?;
        self.seed(seed);
        Ok(())
    }

    fn reason(error: CudaError) -> Result<Error, CudaError> {
        match error {
            CudaError::Step(error) => Ok(error),
            other => Err(other),
        }
    }

    fn agreed(error: &CudaError) -> bool {
        matches!(error, CudaError::Step(Error::Loss(_) | Error::Diverged { .. }))
    }
}

/// The weights of an engine, as they stand.
fn weights<E: Startable>(engine: &E, net: &Net<'_>) -> Result<Vec<f32>, String> {
    let mut weights = zeros(net.weights()).map_err(|failure| failure.to_string())?;
    engine.weights(&mut weights).map_err(|error| error.to_string())?;
    Ok(weights)
}

impl Job {
    /// Trains on an engine, from the start or from its checkpoint, to the end.
    pub fn walk<E: Startable>(
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
        let part = &settled.part;
        let run = run.mixed(settled.mix).in_parts(settled.accumulate);
        let run = run.shared(part.rank, part.size);
        let mut run = run.losses_every(settled.loss_every.into());
        let mut notes = Notes::default();
        engine.begin(&start.named, start.seed).map_err(|error| error.to_string())?;
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
        run = run.resting_every(keep.map_or(0, |(keep, _)| keep.steps(per_epoch)));
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
                (_, Some(why)) => {
                    part.give_up(&why);
                    return Err(why);
                }
                (Err(stop), None) => {
                    let agreed = matches!(&stop, Stop::Engine(error) if E::agreed(error));
                    let why = self.explain(&run, engine, stop);
                    if !agreed {
                        part.give_up(&why);
                    }
                    return Err(why);
                }
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
        outcome.weights = weights(engine, &net)?;
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
        if self.settled.vectors.is_none() && !start.named.needs_data() {
            return Ok(());
        }
        let mut weights = weights(engine, net)?;
        if let Some(vectors) = &self.settled.vectors {
            let embedding = net.nodes().iter().zip(net.slots());
            let slot = embedding.into_iter().find(|(node, _)| node.layer.kind() == Kind::Embedding);
            if let Some((_, slot)) = slot {
                let table = slot.weights.of_mut(&mut weights);
                table.iter_mut().zip(vectors).for_each(|(w, vector)| *w = *vector);
            }
        }
        // behind the table, as it is scaled for what the words are
        if start.named.needs_data() {
            let x = self.first_batch()?;
            lsuv::scale(net, &x, &mut weights).map_err(|error| error.to_string())?;
        }
        let state = zeros(net.kept()).map_err(|failure| failure.to_string())?;
        engine.restore(&weights, &state, 0).map_err(|error| error.to_string())
    }

    /// Why a run has stopped, with the step and the layer.
    fn explain<E: Startable>(&self, run: &Run<'_>, engine: &E, stop: Stop<E::Error>) -> String {
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
            Stop::Engine(error) => match E::reason(error) {
                Ok(error) => error,
                Err(other) => return format!("step {step}: {other}"),
            },
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
                let weights = weights(engine, &net).ok();
                found.zip(weights).and_then(|(batch, weights)| blame(&net, &weights, &batch.x))
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
}
