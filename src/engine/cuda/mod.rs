//! The engine of NVIDIA GPUs: the same plan, its arena and its weights on the device, and a whole training
//! step recorded once for each number of examples and then replayed by one call. The host may go ahead: a batch
//! is sent while the step before it runs, and losses wait on the device until they are asked for.
//!
//! Numbers are f32 throughout, unless a [`Precision`] was chosen that is less. A run repeats bit for bit
//! on the same device with the same libraries: no sum is taken by atomics, and cuBLAS has a workspace of its
//! own. It agrees with [`Portable`](super::Portable) within the tolerances of the tests.

mod ahead;
mod along;
mod asked;
mod memory;
#[cfg_attr(not(feature = "nccl"), path = "alone.rs")]
mod ranks;
mod staged;
mod step;
mod table;

use super::gathered::Parts;
use super::{Buffer, Engine, Error};
use crate::gpu::{self, Numbers, Precision, Queue, Recorded};
use crate::graph::Node;
use crate::init::{self, Scheme};
use crate::layer::{Kind, TAME};
use crate::loss::Target;
use crate::loss::cuda::Wanted;
use crate::plan::Net;
use crate::update::{Moves, OnGpu, Step, Update};
use ahead::Ahead;
use core::fmt;
use memory::{Memory, RESULTS, SETTINGS};
use ranks::Ranks;
use staged::Staged;
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
    /// An embedding in bf16 takes its tokens from another layer, and bf16 has no whole numbers beyond 256.
    Tokens {
        /// The embedding's number.
        node: usize,
    },
    /// Ranks have different numbers of examples: how many each has. No weight has moved.
    #[cfg(feature = "nccl")]
    Uneven(Vec<u32>),
}

impl fmt::Display for CudaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(error) => error.fmt(f),
            Self::Gpu(error) => error.fmt(f),
            Self::Tokens { node } => write!(
                f,
                "layer {node} looks up tokens that another layer made, which bf16 would round: let it read the \
                 input, or take f32"
            ),
            #[cfg(feature = "nccl")]
            Self::Uneven(counts) => {
                write!(f, "ranks have different numbers of examples: {counts:?} of rank 0 and on")
            }
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
    /// Where each layer saves.
    saved: Vec<Numbers>,
    // recorded steps before the queue that they belong to
    recorded: HashMap<(Work, Sort, usize, usize), Recorded>,
    staged: Staged,
    ahead: Ahead,
    ranks: Ranks,
    /// Whether layers do the work of those behind them.
    fuses: bool,
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
        Self::with_precision(net, update, ordinal, Precision::F32)
    }

    /// The same, with numbers of a precision.
    ///
    /// # Errors
    /// As [`Self::new`], and in bf16 where the GPU has none, or where an embedding does not read the input.
    pub fn with_precision(
        net: Net<'a>,
        update: U,
        ordinal: usize,
        precision: Precision,
    ) -> Result<Self, CudaError> {
        Self::on(Queue::new(ordinal, precision)?, net, update)
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
        if queue.precision() == Precision::Bf16 {
            let made =
                |node: &Node| node.layer.kind() == Kind::Embedding && node.from.node().is_some();
            if let Some(node) = net.nodes.iter().position(made) {
                return Err(CudaError::Tokens { node });
            }
        }
        let table = Table::of(&net, &mut queue)?;
        let mut memory = Memory::take(&net, &mut queue)?;
        let saved = memory::saved(&net, memory.arena, &mut queue)?;
        let (staged, ahead) = (Staged::take(&net, &mut queue)?, Ahead::take(&mut queue)?);
        staged.aim(&mut memory);
        let (recorded, parts) = (HashMap::new(), Parts::default());
        let (steps, seed) = (0, 0);
        Ok(Self {
            net,
            update,
            table,
            memory,
            saved,
            recorded,
            staged,
            ahead,
            ranks: Ranks::ALONE,
            fuses: true,
            queue,
            steps,
            seed,
            parts,
        })
    }

    /// Writes the initial weights, and forgets the state of the update and the steps taken. Weights that
    /// are a function of their index are computed on the GPU, to the bits of the rule; returns how many
    /// others were sent.
    ///
    /// # Errors
    /// Where the GPU reports one.
    pub fn start(&mut self, scheme: &impl Scheme) -> Result<usize, CudaError> {
        self.forget()?;
        let sent = init::cuda::fill(&self.queue, &self.net, scheme, self.memory.weights)?;
        self.queue.clear(self.memory.state)?;
        (self.steps, self.parts) = (0, Parts::default());
        Ok(sent)
    }

    /// What layers that draw lots in training depend on, beside the number of the step.
    pub const fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// The network.
    pub const fn net(&self) -> &Net<'a> {
        &self.net
    }

    /// What differs from one step to the next beside its batch, and the kernel that moves weights.
    fn settings(&self, rate: f32, share: f32) -> (&'static str, [f32; SETTINGS]) {
        let moves = Moves::of(&self.update, Step { rate, number: self.steps + 1 });
        let (kernel, matrix) = moves.matrix.on_gpu();
        let groups = [matrix, moves.vector.on_gpu().1, moves.scalar.on_gpu().1];
        let lots = self.ranks.part(self.parts).lots(self.steps);
        let halves = |word: u64| [word as u32, (word >> 32) as u32].map(f32::from_bits);
        let lots = halves(self.seed).into_iter().chain(halves(lots));
        let all = groups.as_flattened().iter().copied().chain(lots);
        // a sum over ranks counts by its mean
        let share = share / self.ranks.size() as f32;
        let mut settings = [0.0; SETTINGS];
        settings
            .iter_mut()
            .zip(all.chain([share, self.ahead.place()]))
            .for_each(|(to, it)| *to = it);
        (kernel, settings)
    }

    /// Sends a batch and replays the step by it, which is recorded the first time.
    fn launch(
        &mut self,
        work: Work,
        (x, target, examples): (&[f32], Target<'_>, usize),
        rate: f32,
    ) -> Result<(), CudaError> {
        let sort = Sort::of(target);
        let (kernel, settings) = self.settings(rate, 1.0);
        let key = (work, sort, examples, self.staged.slot());
        self.staged.aim(&mut self.memory);
        if !self.recorded.contains_key(&key) {
            let wanted = sort.on_device(self.memory.wanted);
            let step = self.queue.record(|| self.whole_step(work, wanted, examples, kernel))?;
            self.recorded.insert(key, step);
        }
        if let Some(step) = self.recorded.get(&key) {
            self.staged.send(&self.queue, &settings, (x, target))?;
            self.staged.replay(&self.queue, step)?;
        }
        Ok(())
    }

    /// Waits for the step, and returns its loss if weights could move.
    fn verdict(&self) -> Result<f32, CudaError> {
        let mut results = [0.0; RESULTS];
        self.queue.read(self.memory.results, &mut results)?;
        let [loss, _, verdict] = results;
        match verdict {
            1.0 => Ok(loss),
            0.0 => {
                self.refuse_uneven()?;
                Err(Error::Loss(loss).into())
            }
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
        // behind all steps that were submitted, as the queue keeps their order
        self.queue.write(self.memory.input, x)?;
        let output = self.forward(examples, false)?;
        let output = self.widen(output)?;
        Ok(self.queue.read(output, y)?)
    }

    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, CudaError> {
        self.submit(x, target, rate)?;
        self.settle_well()?;
        Ok(self.last_loss())
    }

    fn submit(
        &mut self,
        x: &[f32],
        target: Target<'_>,
        rate: f32,
    ) -> Result<Option<f32>, CudaError> {
        let examples = super::check(&self.net, x, target)?;
        super::check_rate(&self.update, rate)?;
        self.parts = Parts::default();
        if self.may_submit()? {
            self.launch(Work::Train, (x, target, examples), rate)?;
            self.submitted();
        }
        Ok(None)
    }

    fn losses(&mut self, each: impl FnMut(f32)) -> Result<(), CudaError> {
        self.tell(each)
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
        let examples = self.parts.examples_of(&self.net)?;
        let (kernel, settings) = self.settings(rate, 1.0 / examples as f32);
        self.queue.write(self.memory.settings, &settings)?;
        self.gather_from_all()?;
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
        self.forget()?;
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
        self.settle_well()?;
        if self.parts.count == 0 {
            self.queue.clear(self.memory.gathered)?;
        }
        self.launch(Work::Gather, (x, target, examples), 0.0)?;
        let loss = self.verdict()?;
        self.parts = self.parts.and(examples);
        Ok(loss)
    }
}
