//! The engine of NVIDIA GPUs: the same plan, its arena and its weights on the device, and a whole training
//! step recorded once for each number of examples and then replayed by one call.
//!
//! Numbers are f32 throughout. A run repeats bit for bit on the same device with the same libraries: no
//! sum is taken by atomics, and cuBLAS has a workspace of its own. It agrees with
//! [`Portable`](super::Portable) within the tolerances of the tests.

mod along;
mod memory;
mod step;
mod table;

use super::gathered::Parts;
use super::{Buffer, Engine, Error};
use crate::gpu::{self, Numbers, Queue, Recorded};
use crate::graph::{Node, Value};
use crate::init::{self, Scheme};
use crate::layer::TAME;
use crate::loss::cuda::Wanted;
use crate::loss::{Loss, Target};
use crate::plan::Net;
use crate::update::{Moves, OnGpu, Step, Update};
use core::fmt;
use memory::{Memory, RESULTS};
use std::collections::HashMap;
use std::vec::Vec;
use table::Table;

/// Why a step on the GPU was refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CudaError {
    /// For a reason that every engine has.
    Step(Error),
    /// By the GPU.
    Gpu(gpu::Error),
}

impl fmt::Display for CudaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(error) => error.fmt(f),
            Self::Gpu(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CudaError {}

impl From<Error> for CudaError {
    fn from(error: Error) -> Self {
        Self::Step(error)
    }
}

impl From<gpu::Error> for CudaError {
    fn from(error: gpu::Error) -> Self {
        Self::Gpu(error)
    }
}

/// What a recorded step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Work {
    /// A step by a batch.
    Train,
    /// The gradient of a part of a step, to be gathered.
    Gather,
}

/// The sort of a target, which a recorded step depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sort {
    Labels,
    Mixed,
    Values,
}

impl Sort {
    const fn of(target: Target<'_>) -> Self {
        match target {
            Target::Labels(_) => Self::Labels,
            Target::Mixed { .. } => Self::Mixed,
            Target::Values(_) => Self::Values,
        }
    }

    const fn on_device(self, wanted: [Numbers; 3]) -> Wanted {
        match self {
            Self::Labels => Wanted::Labels(wanted[0]),
            Self::Mixed => Wanted::Mixed(wanted),
            Self::Values => Wanted::Values(wanted[0]),
        }
    }
}

/// A network on a GPU, with its update `U`.
pub struct Cuda<'a, U> {
    net: Net<'a>,
    update: U,
    table: Table,
    memory: Memory,
    // recorded steps before the queue that they belong to
    recorded: HashMap<(Work, Sort, usize), Recorded>,
    queue: Queue,
    steps: u64,
    seed: u64,
    parts: Parts,
}

impl<U: fmt::Debug> fmt::Debug for Cuda<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Cuda");
        all.field("net", &self.net).field("update", &self.update).field("steps", &self.steps);
        all.finish_non_exhaustive()
    }
}

impl<'a, U: Update<Move: OnGpu>> Cuda<'a, U> {
    /// An engine for a planned network on the GPU of this number. All weights are zero.
    ///
    /// # Errors
    /// Where there is no such GPU or too little memory on it, and where the plan was made for another
    /// update.
    pub fn new(net: Net<'a>, update: U, ordinal: usize) -> Result<Self, CudaError> {
        Self::on(Queue::new(ordinal)?, net, update)
    }

    fn on(mut queue: Queue, net: Net<'a>, update: U) -> Result<Self, CudaError> {
        let planned = net.update_state + net.gradient as usize;
        let needed = update.state() + (U::WHOLE || net.in_parts) as usize;
        if net.trains && planned != needed {
            return Err(Error::Update { planned, needed }.into());
        }
        if !update.is_sound() {
            return Err(Error::Settings.into());
        }
        let table = Table::of(&net, &mut queue)?;
        let memory = Memory::take(&net, &mut queue)?;
        let (recorded, parts) = (HashMap::new(), Parts::default());
        Ok(Self { net, update, table, memory, recorded, queue, steps: 0, seed: 0, parts })
    }

    /// What a training step by a whole batch asks of a GPU. It needs none.
    ///
    /// # Errors
    /// Where the plan was made for another update, or for inference.
    pub fn count(net: Net<'a>, update: U) -> Result<gpu::Counts, CudaError> {
        if !net.trains {
            return Err(Error::Inference.into());
        }
        let engine = Self::on(Queue::counting(), net, update)?;
        let sort = match net.loss {
            Loss::SquaredError => Sort::Values,
            _ => Sort::Labels,
        };
        let kernel = engine.set(0.0, 1.0)?;
        let _ = engine.queue.counted();
        let wanted = sort.on_device(engine.memory.wanted);
        engine.whole_step(Work::Train, wanted, net.batch, kernel)?;
        Ok(engine.queue.counted())
    }

    /// Bytes that a training step by a whole batch must move at least: forward each layer reads its
    /// operands and its weights and writes its output; backward it reads the gradient of its output, and
    /// what it needs of these again, and writes the gradients of its operands and weights; the update
    /// reads and writes weights and state.
    pub fn least_bytes(net: &Net<'_>, update: &U) -> u64 {
        let batch = net.batch as u64;
        let second = |node: &Node| match node.second.map(Value::node) {
            None => 0,
            Some(None) => net.input.len(),
            Some(Some(from)) => net.nodes.get(from).map_or(0, |from| from.output.len()),
        };
        let each = net.nodes.iter().zip(net.slots).map(|(node, slot)| {
            let (x, y, second) = (node.input.len(), node.output.len(), second(node));
            let (w, style) = (u64::from(slot.weights.len), node.layer.style(slot.trained));
            let forward = batch * (x + second + y) as u64 + w;
            let read =
                if style.reads_x { x + second } else { 0 } + if style.reads_y { y } else { 0 };
            let backward = batch * (y + read + x + second) as u64 + w + u64::from(slot.moved.len);
            forward + if slot.backward { backward } else { 0 }
        });
        let moved = net.trained as u64 * (3 + 2 * update.state() as u64);
        4 * (each.sum::<u64>() + moved)
    }

    /// Writes the initial weights, and forgets the state of the update and the steps taken. Weights that
    /// are a function of their index are computed on the GPU, to the bits of the rule; returns how many
    /// others were sent.
    ///
    /// # Errors
    /// Where the GPU reports one.
    pub fn start(&mut self, scheme: &impl Scheme) -> Result<usize, CudaError> {
        let sent = init::cuda::fill(&self.queue, &self.net, scheme, self.memory.weights)?;
        self.clear(self.memory.state)?;
        (self.steps, self.parts) = (0, Parts::default());
        Ok(sent)
    }

    /// Lets products round their factors to TF32 (10 bits of fraction instead of 23) from the next step on,
    /// which is several times as fast from Ampere on; weights, gradients and sums stay f32. Not allowed at
    /// first. Attention then multiplies whole matrices of scores, which want memory: two numbers for each pair
    /// of tokens, in each head of a batch.
    ///
    /// # Errors
    /// Where the GPU reports one, or has too little memory for the scores: nothing is allowed then.
    pub fn allow_tf32(&mut self, allowed: bool) -> Result<(), CudaError> {
        self.recorded.clear();
        self.queue.allow_tf32(allowed)?;
        let widened = self.memory.widen(&self.net, &mut self.queue);
        if widened.is_err() {
            self.queue.allow_tf32(false)?;
        }
        Ok(widened?)
    }

    /// What layers that draw lots in training depend on, beside the number of the step.
    pub const fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// The network.
    pub const fn net(&self) -> &Net<'a> {
        &self.net
    }

    /// Sends a batch and its target.
    fn send(&self, x: &[f32], target: Target<'_>) -> Result<(), gpu::Error> {
        let Memory { input, wanted: [first, second, third], .. } = self.memory;
        self.queue.write(input, x)?;
        match target {
            Target::Labels(labels) => self.queue.write_whole(first, labels),
            Target::Values(values) => self.queue.write(first, values),
            Target::Mixed { first: one, second: other, share } => {
                self.queue.write_whole(first, one)?;
                self.queue.write_whole(second, other)?;
                self.queue.write(third, share)
            }
        }
    }

    /// Sends what differs from one step to the next, and returns the kernel that moves weights.
    fn set(&self, rate: f32, share: f32) -> Result<&'static str, gpu::Error> {
        let moves = Moves::of(&self.update, Step { rate, number: self.steps + 1 });
        let (kernel, matrix) = moves.matrix.on_gpu();
        let groups = [matrix, moves.vector.on_gpu().1, moves.scalar.on_gpu().1];
        let lots = self.parts.lots(self.steps);
        let halves = |word: u64| [word as u32, (word >> 32) as u32].map(f32::from_bits);
        let mut settings: Vec<f32> = groups.concat();
        settings.extend(halves(self.seed).into_iter().chain(halves(lots)).chain([share]));
        self.queue.write(self.memory.settings, &settings)?;
        Ok(kernel)
    }

    /// Replays the step for so many examples, which is recorded the first time. Returns its loss.
    fn run(
        &mut self,
        work: Work,
        (target, examples): (Target<'_>, usize),
        kernel: &'static str,
    ) -> Result<f32, CudaError> {
        let sort = Sort::of(target);
        let key = (work, sort, examples);
        if !self.recorded.contains_key(&key) {
            let wanted = sort.on_device(self.memory.wanted);
            let step = self.queue.record(|| self.whole_step(work, wanted, examples, kernel))?;
            self.recorded.insert(key, step);
        }
        if let Some(step) = self.recorded.get(&key) {
            self.queue.replay(step)?;
        }
        self.verdict()
    }

    /// Waits for the step, and returns its loss if weights could move.
    fn verdict(&self) -> Result<f32, CudaError> {
        let mut results = [0.0; RESULTS];
        self.queue.read(self.memory.results, &mut results)?;
        let [loss, _, verdict] = results;
        match verdict {
            1.0 => Ok(loss),
            0.0 => Err(Error::Loss(loss).into()),
            _ => Err(Error::Diverged { node: self.diverged()? }.into()),
        }
    }

    /// The last layer whose gradient is too large to compute with.
    fn diverged(&self) -> Result<usize, CudaError> {
        let gradient = self.queue.read_all(self.memory.gradient)?;
        let wild = |g: &f32| g.is_nan() || g.abs() >= TAME;
        let slots = self.net.slots.iter().enumerate().rev();
        let mut layers = slots.filter(|(_, slot)| slot.moved.of(&gradient).iter().any(wild));
        Ok(layers.next().map_or(0, |(number, _)| number))
    }
}

impl<U: Update<Move: OnGpu>> Engine for Cuda<'_, U> {
    type Error = CudaError;

    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), CudaError> {
        let examples = super::examples(&self.net, x)?;
        let need = examples * self.net.output.len();
        if y.len() != need {
            return Err(Error::Memory { buffer: Buffer::Output, need, got: y.len() }.into());
        }
        self.queue.write(self.memory.input, x)?;
        let output = self.forward(examples, false)?;
        Ok(self.queue.read(output, y)?)
    }

    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, CudaError> {
        let examples = super::check(&self.net, x, target)?;
        super::check_rate(&self.update, rate)?;
        self.parts = Parts::default();
        self.send(x, target)?;
        let kernel = self.set(rate, 1.0)?;
        let loss = self.run(Work::Train, (target, examples), kernel)?;
        self.steps += 1;
        Ok(loss)
    }

    fn accumulate(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, CudaError> {
        let gathered = self.gather(x, target);
        if gathered.is_err() {
            self.parts = Parts::default();
        }
        gathered
    }

    fn step(&mut self, rate: f32) -> Result<(), CudaError> {
        super::check_rate(&self.update, rate)?;
        let Parts { count, examples } = self.parts;
        if count == 0 {
            return Err(Error::NoParts.into());
        }
        let kernel = self.set(rate, 1.0 / examples as f32)?;
        self.update(self.memory.gathered, kernel)?;
        self.parts = Parts::default();
        self.verdict()?;
        self.steps += 1;
        Ok(())
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn state(&self, state: &mut [f32]) -> Result<(), CudaError> {
        super::long(Buffer::State, self.net.kept(), state.len())?;
        Ok(self.queue.read(self.memory.state, state)?)
    }

    fn restore(&mut self, weights: &[f32], state: &[f32], steps: u64) -> Result<(), CudaError> {
        super::long(Buffer::Weights, self.net.weights, weights.len())?;
        super::long(Buffer::State, self.net.kept(), state.len())?;
        self.queue.write(self.memory.weights, weights)?;
        self.queue.write(self.memory.state, state)?;
        (self.steps, self.parts) = (steps, Parts::default());
        Ok(())
    }

    fn weights(&self, w: &mut [f32]) -> Result<(), CudaError> {
        super::long(Buffer::Weights, self.net.weights, w.len())?;
        Ok(self.queue.read(self.memory.weights, w)?)
    }
}

impl<U: Update<Move: OnGpu>> Cuda<'_, U> {
    /// Adds the gradient of one part of a step, which counts by its examples.
    fn gather(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, CudaError> {
        let examples = super::check(&self.net, x, target)?;
        if !self.net.gradient {
            return Err(Error::NoGradient.into());
        }
        if self.parts.count == 0 {
            self.clear(self.memory.gathered)?;
        }
        self.send(x, target)?;
        let kernel = self.set(0.0, 1.0)?;
        let loss = self.run(Work::Gather, (target, examples), kernel)?;
        self.parts = self.parts.and(examples);
        Ok(loss)
    }
}
