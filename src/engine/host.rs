//! The engine of a PC: threads, vectors, and the same step as [`Portable`](super::Portable) within the
//! tolerances of the tests. Its bits depend on the processor's vectors and on the sizes, but not on
//! the number of threads: work is cut by sizes alone (`layer/host.rs`).
//!
//! Buffers are taken at the beginning. A step from within [`Host::within`] allocates nothing, whatever
//! the layers: `tests/allocations.rs` counts in networks of dense layers, convolutions and norms,
//! attention, and recurrent layers.

use super::gathered::{self, Parts};
use super::rectified::{masks_before, rectified};
use super::{Buffer, Engine, Error};
use crate::graph::Value;
use crate::init::{self, Scheme};
use crate::layer::{self, All, Backward, Chance, Forward, Kind, RUN, Trained, Weights, bias};
use crate::loss::Target;
use crate::math::{self, vector::vectors};
use crate::plan::{Net, Slot};
use crate::shape::{Span, cut};
use crate::update::{Accumulate, Move, Moves, Step, Update};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use pulp::Arch;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;
use std::{format, vec, vec::Vec};

/// A network with its memory, its threads, and its update `U`.
///
/// ```
/// use idinit::engine::{Engine, Host};
/// use idinit::{graph::Graph, init::IdInit, loss::Target, plan::{Mode, Plan}, shape::Shape};
/// use idinit::update::Sgd;
///
/// const NET: Graph<3> = Graph::input(Shape::vector(2)).dense(4).tanh().dense(2).cross_entropy(0.0);
/// static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Sgd>(), 1);
/// let mut engine = Host::new(PLAN.net(), Sgd::default(), 2)?;
/// engine.start(&IdInit::PAPER);
/// let before = engine.train(&[1.0, -1.0], Target::Labels(&[1]), 0.1)?;
/// let after = engine.train(&[1.0, -1.0], Target::Labels(&[1]), 0.1)?;
/// assert!(after < before);
/// # Ok::<(), idinit::engine::Error>(())
/// ```
pub struct Host<'a, U> {
    pool: Arc<ThreadPool>,
    work: Work<'a, U>,
}

/// All that a step works on.
struct Work<'a, U> {
    net: Net<'a>,
    update: U,
    weights: Vec<f32>,
    state: Vec<f32>,
    arena: Vec<f32>,
    scratch: Vec<f32>,
    arch: Arch,
    steps: u64,
    seed: u64,
    parts: Parts,
}

impl<U: fmt::Debug> fmt::Debug for Host<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { net, update, steps, .. } = &self.work;
        let mut all = f.debug_struct("Host");
        all.field("net", net).field("update", update).field("steps", steps).finish_non_exhaustive()
    }
}

/// `count` zeros, or an error where so much memory cannot be had.
fn zeros(buffer: Buffer, count: usize) -> Result<Vec<f32>, Error> {
    // asked for first, since `vec!` aborts; it is taken for its zeroed pages, which come as they are touched
    match Vec::<f32>::new().try_reserve_exact(count) {
        Ok(()) => Ok(vec![0.0; count]),
        Err(_) => Err(Error::Memory { buffer, need: count, got: 0 }),
    }
}

/// Numbers of scratch that the host's kernels want for a planned network, beside those that
/// [`Plan`](crate::plan::Plan) counts.
pub fn scratch(net: &Net<'_>) -> usize {
    let each = net.nodes.iter().map(|node| node.layer.scratch(node.input, node.output, net.batch));
    each.max().unwrap_or(0)
}

impl<'a, U: Update + Send> Host<'a, U> {
    /// An engine for a planned network, on `threads` threads of its own (0: one for each processor).
    /// All weights are zero.
    ///
    /// # Errors
    /// [`Error::Memory`] where memory cannot be had, [`Error::Update`] where the plan was made for
    /// another update, [`Error::Settings`] where the update cannot work, [`Error::Threads`] where
    /// the system gives no threads.
    pub fn new(net: Net<'a>, update: U, threads: usize) -> Result<Self, Error> {
        let name = |i| format!("idinit-{i}");
        let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build();
        Self::on(Arc::new(pool.map_err(|_| Error::Threads)?), net, update)
    }

    /// The same, on threads that other engines may share.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn on(pool: Arc<ThreadPool>, net: Net<'a>, update: U) -> Result<Self, Error> {
        let planned = net.update_state + net.gradient as usize;
        let needed = update.state() + (U::WHOLE || net.in_parts) as usize;
        if net.trains && planned != needed {
            return Err(Error::Update { planned, needed });
        }
        if !update.is_sound() {
            return Err(Error::Settings);
        }
        let work = Work {
            weights: zeros(Buffer::Weights, net.weights)?,
            state: zeros(Buffer::State, net.state)?,
            arena: zeros(Buffer::Arena, net.arena)?,
            scratch: zeros(Buffer::Scratch, scratch(&net))?,
            arch: Arch::new(),
            steps: 0,
            seed: 0,
            parts: Parts::default(),
            net,
            update,
        };
        Ok(Self { pool, work })
    }

    /// Writes the initial weights, and forgets the state of the update and the steps taken.
    pub fn start(&mut self, scheme: &impl Scheme) {
        init::fill(&self.work.net, scheme, &mut self.work.weights);
        self.work.state.fill(0.0);
        (self.work.steps, self.work.parts) = (0, Parts::default());
    }

    /// What layers that draw lots in training depend on, beside the number of the step.
    pub const fn seed(&mut self, seed: u64) {
        self.work.seed = seed;
    }

    /// The network.
    pub const fn net(&self) -> &Net<'a> {
        &self.work.net
    }

    /// The weights, as they stand.
    pub fn all_weights(&self) -> &[f32] {
        &self.work.weights
    }

    /// The weights, to be replaced by others.
    pub fn all_weights_mut(&mut self) -> &mut [f32] {
        &mut self.work.weights
    }

    /// The state of the update, as it stands.
    pub fn update_state(&self) -> &[f32] {
        &self.work.state
    }

    /// Calls `run` on one of the engine's threads: steps within it are not handed over one by one.
    pub fn within<R: Send>(&mut self, run: impl FnOnce(&mut Self) -> R + Send) -> R
    where
        U: Sync,
    {
        let pool = Arc::clone(&self.pool);
        pool.install(|| run(self))
    }
}

impl<U: Update + Send> Engine for Host<'_, U> {
    type Error = Error;

    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.pool.install(|| self.work.infer(x, y))
    }

    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, Error> {
        self.pool.install(|| self.work.train(x, target, rate))
    }

    fn accumulate(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, Error> {
        let gathered = self.pool.install(|| self.work.gather_part(x, target));
        if gathered.is_err() {
            self.work.parts = Parts::default();
        }
        gathered
    }

    fn step(&mut self, rate: f32) -> Result<(), Error> {
        super::check_rate(&self.work.update, rate)?;
        let examples = self.work.parts.examples_of(&self.work.net)?;
        self.pool.install(|| self.work.apply_gathered(rate, 1.0 / examples as f32));
        self.work.parts = Parts::default();
        self.work.steps += 1;
        Ok(())
    }

    fn steps(&self) -> u64 {
        self.work.steps
    }

    fn state(&self, state: &mut [f32]) -> Result<(), Error> {
        let kept = self.work.state.get(..self.work.net.kept()).unwrap_or_default();
        super::long(Buffer::State, kept.len(), state.len())?;
        state.copy_from_slice(kept);
        Ok(())
    }

    fn restore(&mut self, weights: &[f32], state: &[f32], steps: u64) -> Result<(), Error> {
        let Work { net, weights: own, state: kept, .. } = &mut self.work;
        let kept = kept.get_mut(..net.kept()).unwrap_or_default();
        super::long(Buffer::Weights, own.len(), weights.len())?;
        super::long(Buffer::State, kept.len(), state.len())?;
        own.copy_from_slice(weights);
        kept.copy_from_slice(state);
        (self.work.steps, self.work.parts) = (steps, Parts::default());
        Ok(())
    }

    fn weights(&self, w: &mut [f32]) -> Result<(), Error> {
        super::long(Buffer::Weights, self.work.weights.len(), w.len())?;
        w.copy_from_slice(&self.work.weights);
        Ok(())
    }
}

impl<U: Update + Send> Work<'_, U> {
    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let examples = super::examples(&self.net, x)?;
        let need = examples * self.net.output.len();
        if y.len() != need {
            return Err(Error::Memory { buffer: Buffer::Output, need, got: y.len() });
        }
        let output = self.forward(x, examples, false);
        y.copy_from_slice(output.of(&self.arena));
        Ok(())
    }

    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, Error> {
        let examples = super::check(&self.net, x, target)?;
        super::check_rate(&self.update, rate)?;
        self.parts = Parts::default();
        let loss = if U::WHOLE {
            let loss = self.gather(x, target, (examples, 1.0))?;
            self.apply_gathered(rate, 1.0);
            loss
        } else {
            let loss = self.look(x, target, examples)?;
            let moves = Moves::of(&self.update, Step { rate, number: self.steps + 1 });
            self.backward(x, examples, &moves, 0)?;
            loss
        };
        self.steps += 1;
        Ok(loss)
    }

    /// The loss before a step, whose gradient then lies where backward looks.
    fn look(&mut self, x: &[f32], target: Target<'_>, examples: usize) -> Result<f32, Error> {
        let y = self.forward(x, examples, true);
        let loss = self.loss(y, target);
        match loss.is_finite() {
            true => Ok(loss),
            false => Err(Error::Loss(loss)),
        }
    }

    /// Adds the gradient of a batch, times `weight`, to the whole one behind the state.
    fn gather(
        &mut self,
        x: &[f32],
        target: Target<'_>,
        (examples, weight): (usize, f32),
    ) -> Result<f32, Error> {
        let loss = self.look(x, target, examples)?;
        let gradient = self.net.trained * self.update.state();
        if self.parts.count == 0 {
            self.state.get_mut(gradient..).unwrap_or_default().fill(0.0);
        }
        self.backward(x, examples, &Moves::all(Accumulate { weight }), gradient)?;
        Ok(loss)
    }

    /// Adds the gradient of one part of a step, which counts by its examples.
    fn gather_part(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, Error> {
        let examples = super::check(&self.net, x, target)?;
        if !self.net.gradient {
            return Err(Error::NoGradient);
        }
        let loss = self.gather(x, target, (examples, examples as f32))?;
        self.parts = self.parts.and(examples);
        Ok(loss)
    }

    /// Moves all trained weights by this share of the gradient that was gathered.
    fn apply_gathered(&mut self, rate: f32, share: f32) {
        let Self { net, weights, state, update, arch, .. } = self;
        let step = Step { rate, number: self.steps + 1 };
        let arch = *arch;
        gathered::apply::<All, U>(net, (update, step, share), weights, state, |how, all, g, k| {
            move_by(arch, how, all, g, k);
        });
    }

    /// All layers forward. The output then lies in the arena, at the place that is returned.
    fn forward(&mut self, input: &[f32], examples: usize, training: bool) -> Span {
        let Self { net, weights, arena, scratch, .. } = self;
        let mut output = Span::EMPTY;
        let mut chance = Chance { seed: self.seed, step: self.parts.lots(self.steps), node: 0 };
        let diverged = AtomicBool::new(false);
        for (number, (node, slot)) in net.nodes.iter().zip(net.slots).enumerate() {
            // taken along by the layer before it
            if number.checked_sub(1).is_some_and(|before| rectified(net, before)) {
                continue;
            }
            let y = slot.y.first(examples * node.output.len());
            let x = net.value(node.from).first(examples * node.input.len());
            let second = operand(net, node.second, examples);
            let saved = if training { slot.saved } else { Span::EMPTY };
            // in place, the output's place holds the input already
            let in_place = node.layer.style(slot.trained).in_place;
            let shared = in_place && x.start == y.start && !x.is_empty();
            let x = if shared { Span::EMPTY } else { x };
            output = y;
            let [y, x, second, saved] = cut(arena, [y, x, second, saved]);
            let x = if node.from.node().is_none() { input } else { &*x };
            let second = match node.second {
                Some(second) if second.node().is_none() => input,
                _ => &*second,
            };
            if in_place && !shared && !node.layer.copies() {
                copy(y, x);
            }
            let mut host = layer::Host {
                arch: self.arch,
                scratch,
                diverged: &diverged,
                fresh: [false; 2],
                relu: rectified(net, number),
                mask: &[],
            };
            chance.node = number as u32;
            let io = Forward {
                input: &node.input,
                output: &node.output,
                x,
                second,
                w: slot.weights.of(weights),
                saved,
                y,
                chance: &chance,
            };
            node.layer.forward_host(io, &mut host);
        }
        output
    }

    /// The loss of the outputs, which lie at `y`; their gradients then lie where backward looks.
    fn loss(&mut self, y: Span, target: Target<'_>) -> f32 {
        let Some(last) = self.net.slots.last() else { return f32::NAN };
        let (dy, outputs) = (last.dy.first(y.len as usize), self.net.output.channels as usize);
        if dy.start != y.start {
            let [y, dy] = cut(&mut self.arena, [y, dy]);
            copy(dy, y);
        }
        let dy = dy.of_mut(&mut self.arena);
        self.net.loss.descend_host(self.arch, dy, target, outputs)
    }

    /// All layers backward, from the gradient of the outputs in its place. `state` is where the
    /// state of the moves begins in the buffer of state.
    fn backward<M: Move>(
        &mut self,
        input: &[f32],
        examples: usize,
        moves: &Moves<M>,
        state: usize,
    ) -> Result<(), Error> {
        let Self { net, weights, state: states, arena, scratch, .. } = self;
        let states = states.get_mut(state..).unwrap_or_default();
        let diverged = AtomicBool::new(false);
        let nodes = net.nodes.iter().zip(net.slots).enumerate();
        let mut masks = Span::EMPTY;
        for (number, (node, slot)) in nodes.rev().filter(|(_, (_, slot))| slot.backward) {
            let style = node.layer.style(slot.trained);
            let (x_len, y_len) = (examples * node.input.len(), examples * node.output.len());
            let read = match (style.reads_x, style.reads_y) {
                (true, _) => net.value(node.from).first(x_len),
                (_, true) => slot.y.first(y_len),
                _ => Span::EMPTY,
            };
            let dx = match slot.shares_gradient {
                true => Span::EMPTY,
                false => net.gradient(node.from).first(x_len),
            };
            let d_second = gradient(net, node.second, examples);
            let second = match style.reads_x {
                true => operand(net, node.second, examples),
                false => Span::EMPTY,
            };
            if let Some(before) = number.checked_sub(1)
                && rectified(net, before)
                && masks_before(net, before)
            {
                masks = read;
                continue;
            }
            let mask = core::mem::replace(&mut masks, Span::EMPTY);
            let spans = [read, slot.saved, slot.dy.first(y_len), dx, d_second, second, mask];
            let [read, saved, dy, dx, d_second, second, mask] = cut(arena, spans);
            let (x, y) = match (style.reads_x, node.from.node()) {
                (true, None) => (input, &[][..]),
                (true, _) => (&*read, &[][..]),
                (false, _) => (&[][..], &*read),
            };
            let second = match node.second {
                Some(second) if second.node().is_none() => input,
                _ => &*second,
            };
            let Slot { fresh, trained, .. } = *slot;
            if node.layer.kind() == Kind::Add {
                sum_backward(dy, mask, d_second, fresh[1]);
            } else {
                let moved = slot.moved.times(M::STATE);
                let io = Backward {
                    input: &node.input,
                    output: &node.output,
                    x,
                    y,
                    second,
                    saved,
                    dy: &mut *dy,
                    dx: if style.in_place { &mut [] } else { &mut *dx },
                    d_second,
                    weights: Weights {
                        w: slot.weights.of_mut(weights),
                        state: moved.of_mut(states),
                        moves,
                        trained: trained.all(),
                    },
                };
                let mut host = layer::Host {
                    arch: self.arch,
                    scratch,
                    diverged: &diverged,
                    fresh,
                    relu: false,
                    mask,
                };
                node.layer.backward_host(io, &mut host);
                if trained == Trained::Bias && !math::tame(dy) {
                    return Err(Error::Diverged { node: number });
                }
                if trained == Trained::Bias {
                    let (w, state) = (slot.weights.of_mut(weights), moved.of_mut(states));
                    let weights = Weights { w, state, moves, trained: true };
                    bias::apply_alone(dy, node.output.channels as usize, weights);
                }
            }
            if diverged.load(Ordering::Relaxed) || node.layer.gave_up(dy) {
                return Err(Error::Diverged { node: number });
            }
            if style.in_place {
                pass_on(dx, dy, fresh[0]);
            }
        }
        Ok(())
    }
}

/// Where a second operand lies; nowhere, if there is none or it is the input.
fn operand(net: &Net<'_>, value: Option<Value>, examples: usize) -> Span {
    let place = |value: Value| Some((net.value(value), net.nodes.get(value.node()?)?));
    value.and_then(place).map_or(Span::EMPTY, |(y, node)| y.first(examples * node.output.len()))
}

/// Where the gradient of a second operand lies; nowhere, if nobody wants it.
fn gradient(net: &Net<'_>, value: Option<Value>, examples: usize) -> Span {
    let place = |value: Value| Some((net.gradient(value), net.nodes.get(value.node()?)?));
    value.and_then(place).map_or(Span::EMPTY, |(dy, node)| dy.first(examples * node.output.len()))
}

/// The gradient of a sum, masked by the rectifier behind it, passed on to its second operand.
fn sum_backward(dy: &mut [f32], mask: &[f32], second: &mut [f32], fresh: bool) {
    let run = |all, i: usize, len| -> &[f32] {
        <[f32]>::get(all, i * RUN..).and_then(|all| all.get(..len)).unwrap_or_default()
    };
    let mask_of = |i: usize, dy: &mut [f32]| {
        let mask = run(mask, i, dy.len());
        for (dy, y) in dy.iter_mut().zip(mask) {
            *dy = if *y > 0.0 { *dy } else { 0.0 };
        }
    };
    if second.is_empty() {
        dy.par_chunks_mut(RUN).enumerate().for_each(|(i, dy)| mask_of(i, dy));
        return;
    }
    let runs = dy.par_chunks_mut(RUN).zip(second.par_chunks_mut(RUN)).enumerate();
    runs.for_each(|(i, (dy, second))| {
        mask_of(i, dy);
        match fresh {
            true => second.copy_from_slice(dy),
            false => second.iter_mut().zip(&*dy).for_each(|(to, dy)| *to += dy),
        }
    });
}

fn copy(y: &mut [f32], x: &[f32]) {
    y.par_chunks_mut(RUN).zip(x.par_chunks(RUN)).for_each(|(y, x)| y.copy_from_slice(x));
}

/// Writes a gradient, or adds it to what is there.
fn pass_on(to: &mut [f32], dy: &[f32], fresh: bool) {
    if fresh {
        copy(to, dy);
    } else {
        to.par_chunks_mut(RUN).zip(dy.par_chunks(RUN)).for_each(|(to, dy)| {
            to.iter_mut().zip(dy).for_each(|(to, dy)| *to += dy);
        });
    }
}

/// [`gathered::move_by`] in runs that other threads may take.
fn move_by<M: Move>(arch: Arch, how: M, [w, state]: [&mut [f32]; 2], g: &[f32], factor: f32) {
    if w.len() <= RUN {
        vectors(
            arch,
            #[inline(always)]
            || gathered::move_by(how, [&mut *w, &mut *state], g, factor),
        );
        return;
    }
    let middle = w.len().div_ceil(RUN).div_ceil(2) * RUN;
    let each = state.len() / w.len();
    let ((w, w_rest), (state, state_rest)) =
        (w.split_at_mut(middle), state.split_at_mut(middle * each));
    let (g, g_rest) = g.split_at(middle.min(g.len()));
    rayon::join(
        || move_by(arch, how, [w, state], g, factor),
        || move_by(arch, how, [w_rest, state_rest], g_rest, factor),
    );
}
