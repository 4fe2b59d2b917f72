//! A run, step by step: from any position on, in steps of one batch or of several.
//!
//! Between two steps, a run is its [`Standing`] and what the engine holds; from both it goes on to the
//! same bits as if it had never stopped.

use super::{
    Batch, Batches, Confusion, Epoch, Examples, Extent, Loader, Position, RunError, Score,
    Settings, Stop,
};
use crate::data::{DataError, Mix};
use crate::engine::Engine;
use crate::loss::{Loss, Target};
use crate::plan::Net;
use core::ops::ControlFlow;
use std::{collections::VecDeque, thread, vec, vec::Vec};

/// Where a run stands, between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// The batch that the next step begins with. Past the last of its epoch, only the look at the
    /// examples held back is left of the epoch.
    pub next: Position,
    /// The sum of the losses of all examples of the epoch so far.
    pub sum: f64,
}

/// A step that was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    /// How many steps the run has taken with it.
    pub step: u64,
    /// The mean loss over its examples, before it.
    pub loss: f32,
    /// Its learning rate.
    pub rate: f32,
    /// Its examples.
    pub examples: usize,
    /// Where the run stands after it.
    pub standing: Standing,
}

/// A run, and where it stands.
pub struct Run<'a> {
    settings: Settings,
    loss: Loss,
    train: &'a dyn Examples,
    test: &'a dyn Examples,
    standing: Standing,
    /// Whether it has failed, or was ended.
    over: bool,
    /// Examples in a batch, batches in a step, and threads that read them.
    batch: usize,
    parts: u32,
    readers: usize,
    /// Every how many steps losses are read, and every how many the engine rests; never, if 0.
    reads: u64,
    rests: u64,
    /// How examples that are learnt from are mixed.
    mix: Option<Mix>,
    /// Which rank this is, and of how many.
    ranks: (usize, usize),
    /// Outputs of a batch.
    y: Vec<f32>,
}

impl<'a> Run<'a> {
    /// A run of a planned network.
    ///
    /// # Errors
    /// Where the examples do not fit the network.
    pub fn new(
        net: &Net<'_>,
        settings: Settings,
        train: &'a dyn Examples,
        test: &'a dyn Examples,
    ) -> Result<Self, RunError> {
        for examples in [train, test] {
            let (need, got) = (net.input(), examples.shape());
            if need != got {
                return Err(RunError::Shape { need, got });
            }
            let count = examples.count();
            if count == 0 || u32::try_from(count).is_err() {
                return Err(RunError::Count(count));
            }
        }
        if !matches!(net.loss, Loss::CrossEntropy { .. }) {
            return Err(RunError::Loss);
        }
        for examples in [train, test] {
            let (outputs, labels) = (net.output().len(), examples.labels());
            if labels == 0 || !outputs.is_multiple_of(labels) {
                return Err(RunError::Labels { outputs, labels });
            }
        }
        let batch = net.batch();
        Ok(Self {
            settings,
            loss: net.loss,
            train,
            test,
            standing: Standing::default(),
            over: false,
            batch,
            parts: 1,
            readers: 1,
            reads: 1,
            rests: 0,
            mix: None,
            ranks: (0, 1),
            y: vec![0.0; batch * net.output().len()],
        })
    }

    /// How many threads read examples ahead; one, if nobody asks for more. By none, examples are read
    /// between the steps. It changes nothing but the time.
    pub fn readers(mut self, threads: usize) -> Self {
        self.readers = threads;
        self
    }

    /// Lets an engine that can take steps without the host go ahead, and reads their losses every so many
    /// steps. It changes nothing but the time, and that who watches the run hears of a step later.
    pub fn losses_every(mut self, steps: u64) -> Self {
        self.reads = steps.max(1);
        self
    }

    /// Lets no engine go ahead of every so many steps, so that who watches the run finds it there.
    pub fn resting_every(mut self, steps: u64) -> Self {
        self.rests = steps;
        self
    }

    /// Mixes each example that is learnt from with another of its batch, and their labels with them.
    pub fn mixed(mut self, mix: Option<Mix>) -> Self {
        self.mix = mix;
        self
    }

    /// Takes part as one of several ranks, whose engines agree on every step: a batch is as many times that of
    /// the plan as there are ranks, and this one takes its share.
    pub fn shared(mut self, rank: usize, ranks: usize) -> Self {
        self.ranks = (rank, ranks.max(1));
        self
    }

    /// Gathers the gradients of so many batches for each step. More than one needs a plan for steps
    /// in parts ([`Mode::in_parts`](crate::plan::Mode::in_parts)).
    pub fn in_parts(mut self, batches: u32) -> Self {
        self.parts = batches.max(1);
        self
    }

    /// Goes on from where a run of the same settings stood.
    pub fn at(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }

    /// Where it stands; after a failure, before the step that failed.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    fn batches_per_epoch(&self) -> u32 {
        self.batches().per_epoch()
    }

    /// The steps of an epoch. The last may have fewer examples than the others.
    pub fn steps_per_epoch(&self) -> u64 {
        self.batches_per_epoch().div_ceil(self.parts).into()
    }

    /// How many steps lie before where it stands.
    pub fn steps(&self) -> u64 {
        let Position { epoch, batch } = self.standing.next;
        self.steps_per_epoch() * u64::from(epoch) + u64::from(batch.div_ceil(self.parts))
    }

    /// The rate of a step, from 0.
    fn rate(&self, step: u64) -> f32 {
        let per_epoch = self.steps_per_epoch();
        let steps = per_epoch * u64::from(self.settings.epochs);
        let warm_up = self.settings.warm_up.steps(per_epoch);
        let extent = Extent { warm_up, steps, per_epoch };
        self.settings.rate * self.settings.schedule.factor(step, extent)
    }

    fn batches(&self) -> Batches<'a> {
        let (rank, ranks) = self.ranks;
        let batches = Batches::shuffled(self.train, self.batch * ranks, self.settings.seed);
        batches.mixed(self.mix).shared(rank, ranks)
    }

    /// Makes a batch of the run once more.
    ///
    /// # Errors
    /// Where an example cannot be read.
    pub fn batch(&self, position: Position) -> Result<Batch, DataError> {
        let mut batch = Batch::default();
        self.batches().maker().make(position, &mut batch)?;
        Ok(batch)
    }

    /// Runs the next epoch, and tells `watch` the loss of every step; `None` when there is none
    /// left.
    ///
    /// # Errors
    /// Those of the data, and the engine's, such as a loss that is not finite. The run ends with it.
    pub fn epoch<E: Engine>(
        &mut self,
        engine: &mut E,
        mut watch: impl FnMut(f32),
    ) -> Result<Option<Epoch>, Stop<E::Error>> {
        self.walk(engine, |_, taken| {
            watch(taken.loss);
            ControlFlow::Continue(())
        })
    }

    /// Runs what is left of the epoch, and shows `watch` the engine and the step behind every step,
    /// which may end the run; `None` when no epoch is left. An engine that goes ahead
    /// ([`losses_every`](Self::losses_every)) may stand farther than the step, but where it rests.
    ///
    /// # Errors
    /// Those of the data, the engine's, and [`Stop::Asked`]. The run ends with it.
    pub fn walk<E: Engine>(
        &mut self,
        engine: &mut E,
        mut watch: impl FnMut(&E, &Taken) -> ControlFlow<()>,
    ) -> Result<Option<Epoch>, Stop<E::Error>> {
        let epoch = self.standing.next.epoch;
        if self.over || epoch >= self.settings.epochs {
            return Ok(None);
        }
        self.over = true;
        let batches = self.batches();
        let (begin, last) = (self.standing.next, self.batches_per_epoch());
        thread::scope(|scope| {
            let mut loader = Loader::new(scope, batches, begin, epoch + 1, self.readers);
            let (mut asked, mut watch) = (VecDeque::new(), &mut watch);
            let (mut batch, mut step) = (begin.batch, self.steps());
            while batch < last {
                let (rate, left) = (self.rate(step), self.parts.min(last - batch));
                let how = (left, self.parts > 1, self.ranks.1);
                let taken = take(engine, &mut loader, how, rate);
                let (sum, examples) = match taken {
                    Ok(Some(taken)) => taken,
                    // what came before is told first
                    Ok(None) => break,
                    Err(stop) => {
                        self.read(engine, &mut asked, &mut watch)?;
                        return Err(stop);
                    }
                };
                (batch, step) = (batch + left, step + 1);
                asked.push_back(Asked { sum, examples, batches: left, step, rate });
                let is_due = |every: u64| every > 0 && step.is_multiple_of(every);
                if sum.is_some() || is_due(self.reads) || is_due(self.rests) {
                    self.read(engine, &mut asked, &mut watch)?;
                }
            }
            self.read(engine, &mut asked, &mut watch)
        })?;
        let test = self.score(engine)?;
        let train_loss = (self.standing.sum / batches.taken() as f64) as f32;
        self.standing = Standing { next: Position { epoch: epoch + 1, batch: 0 }, sum: 0.0 };
        self.over = false;
        let rate = self.rate(self.steps().saturating_sub(1));
        Ok(Some(Epoch { number: epoch + 1, rate, train_loss, test }))
    }

    /// Reads the losses of all steps that were asked for, and shows each to `watch`.
    fn read<E: Engine>(
        &mut self,
        engine: &mut E,
        asked: &mut VecDeque<Asked>,
        watch: &mut impl FnMut(&E, &Taken) -> ControlFlow<()>,
    ) -> Result<(), Stop<E::Error>> {
        let mut losses = asked.iter_mut().filter(|asked| asked.sum.is_none());
        let refused = engine.losses(|loss| {
            if let Some(asked) = losses.next() {
                asked.sum = Some(f64::from(loss) * asked.examples as f64);
            }
        });
        while let Some(Asked { sum: Some(sum), examples, batches, step, rate }) = asked.front() {
            self.standing.next.batch += batches;
            self.standing.sum += sum;
            let (loss, standing) = ((sum / *examples as f64) as f32, self.standing);
            let (step, rate, examples) = (*step, *rate, *examples);
            asked.pop_front();
            if watch(engine, &Taken { step, loss, rate, examples, standing }).is_break() {
                return Err(Stop::Asked);
            }
        }
        refused.map_err(Stop::Engine)
    }

    /// How well the network does on the examples held back.
    ///
    /// # Errors
    /// Those of the data, and the engine's.
    pub fn score<E: Engine>(&mut self, engine: &mut E) -> Result<Score, Stop<E::Error>> {
        self.judge(engine, |_, _| {})
    }

    /// Which classes of the examples held back the network takes for which.
    ///
    /// # Errors
    /// Those of the data, and the engine's.
    pub fn confusion<E: Engine>(&mut self, engine: &mut E) -> Result<Confusion, Stop<E::Error>> {
        let mut confusion = Confusion::new(self.y.len() / (self.batch * self.test.labels()));
        self.judge(engine, |label, answer| confusion.count(label, answer))?;
        Ok(confusion)
    }

    /// The score, telling `each` every label and the network's answer.
    fn judge<E: Engine>(
        &mut self,
        engine: &mut E,
        mut each: impl FnMut(u32, Option<u32>),
    ) -> Result<Score, Stop<E::Error>> {
        // an example has as many rows of outputs as labels
        let labels = self.test.labels();
        let outputs = self.y.len() / (self.batch * labels);
        let (mut correct, mut sum) = (0, 0.0);
        let batches = Batches::plain(self.test, self.batch);
        thread::scope(|scope| {
            let mut loader = Loader::new(scope, batches, Position::default(), 1, self.readers);
            while let Some(batch) = loader.next_batch() {
                let batch = batch?;
                let rows = batch.labels.len();
                let y = self.y.get_mut(..rows * outputs).unwrap_or_default();
                engine.infer(&batch.x, y).map_err(Stop::Engine)?;
                for (y, &label) in y.chunks(outputs).zip(&batch.labels) {
                    let answer = largest(y);
                    correct += usize::from(answer == Some(label));
                    each(label, answer);
                }
                let target = Target::Labels(&batch.labels);
                let loss = match self.loss.check(target, rows, outputs) {
                    Ok(()) => self.loss.descend::<true, false>(y, target, (rows, outputs)),
                    Err(_) => f32::NAN,
                };
                sum += f64::from(loss) * rows as f64;
            }
            Ok::<_, Stop<E::Error>>(())
        })?;
        let count = self.test.count() * labels;
        Ok(Score { loss: (sum / count as f64) as f32, correct, count })
    }
}

/// A step that was asked for.
struct Asked {
    /// The sum of the losses of its examples, once it is known.
    sum: Option<f64>,
    examples: usize,
    batches: u32,
    /// How many steps the run has taken with it.
    step: u64,
    rate: f32,
}

/// The sum of the losses of so many examples, if it is known.
type Sum = (Option<f64>, usize);

/// Asks for a step of so many batches.
fn take<E: Engine>(
    engine: &mut E,
    loader: &mut Loader<'_>,
    (batches, in_parts, ranks): (u32, bool, usize),
    rate: f32,
) -> Result<Option<Sum>, Stop<E::Error>> {
    let (mut sum, mut examples) = (Some(0.0), 0);
    for _ in 0..batches {
        let Some(batch) = loader.next_batch() else { return Ok(None) };
        let batch = batch?;
        let loss = match in_parts {
            true => engine.accumulate(&batch.x, batch.target()).map(Some),
            false => engine.submit(&batch.x, batch.target(), rate),
        };
        // the loss is the mean of all ranks
        let count = batch.count * ranks;
        let of_all = |loss| f64::from(loss) * count as f64;
        let loss = loss.map_err(Stop::Engine)?;
        sum = sum.zip(loss).map(|(sum, loss)| sum + of_all(loss));
        examples += count;
    }
    if in_parts {
        engine.step(rate).map_err(Stop::Engine)?;
    }
    Ok(Some((sum, examples)))
}

/// The place of the largest number, the first of equals; none among NaN.
fn largest(y: &[f32]) -> Option<u32> {
    let mut best = (None, f32::NEG_INFINITY);
    for (place, &y) in (0..).zip(y) {
        if y > best.1 {
            best = (Some(place), y);
        }
    }
    best.0
}
