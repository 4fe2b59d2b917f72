//! The engine that is the meaning: one order of summation, no fused arithmetic, no allocation, the
//! same bits on every processor.

mod forward;
mod pieces;

pub(super) use forward::forward;

use super::gathered::{self, Parts};
use super::{Buffer, Engine, Error, enough};
use crate::graph::Node;
use crate::init::{self, Scheme};
use crate::layer::{Backward, Chance, Forward, Kind, Trained, Uses, Weights, bias};
use crate::loss::Target;
use crate::math;
use crate::plan::{Net, Slot};
use crate::shape::{Span, cut};
use crate::update::{Gather, Move, Moves, Step, Update};
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use pieces::{pieces, second};

/// The buffers that the caller lends to an engine; a [`Plan`](crate::plan::Plan) knows their
/// lengths. What is longer than needed is used only as far as needed.
#[derive(Debug)]
pub struct Memory<'a> {
    /// The weights of all layers.
    pub weights: &'a mut [f32],
    /// The state of the update. It must be zero when training begins.
    pub state: &'a mut [f32],
    /// What flows between layers. It may hold anything.
    pub arena: &'a mut [f32],
}

/// A network with its memory, its code for the layers `S`, and its update `U`.
///
/// ```
/// use idinit::engine::{Engine, Memory, Portable};
/// use idinit::{graph::Graph, init::IdInit, layer::All, loss::Target, plan::{Mode, Plan}};
/// use idinit::{shape::Shape, update::Sgd};
///
/// const NET: Graph<3> = Graph::input(Shape::vector(2)).dense(4).tanh().dense(2).cross_entropy(0.0);
/// static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Sgd>(), 1);
/// let (mut weights, mut arena) = ([0.0; 22], [0.0; 32]);
/// let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
/// let mut engine = Portable::<All, _>::new(PLAN.net(), Sgd::default(), memory)?;
/// engine.start(&IdInit::PAPER);
/// let before = engine.train(&[1.0, -1.0], Target::Labels(&[1]), 0.1)?;
/// let after = engine.train(&[1.0, -1.0], Target::Labels(&[1]), 0.1)?;
/// assert!(after < before);
/// # Ok::<(), idinit::engine::Error>(())
/// ```
pub struct Portable<'a, S, U> {
    net: Net<'a>,
    update: U,
    memory: Memory<'a>,
    steps: u64,
    seed: u64,
    parts: Parts,
    uses: PhantomData<S>,
}

impl<S, U: fmt::Debug> fmt::Debug for Portable<'_, S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { net, update, .. } = self;
        f.debug_struct("Portable").field("net", net).field("update", update).finish_non_exhaustive()
    }
}

impl<'a, S: Uses, U: Update> Portable<'a, S, U> {
    /// An engine for a planned network, in memory that is lent to it.
    ///
    /// # Errors
    /// [`Error::Memory`] where a buffer is too short, [`Error::Uses`] where the network has a layer
    /// that `S` does not link, [`Error::Update`] where the plan was made for another update,
    /// [`Error::Settings`] where the update cannot work.
    pub fn new(net: Net<'a>, update: U, memory: Memory<'a>) -> Result<Self, Error> {
        if !S::SET.covers(net.uses) {
            return Err(Error::Uses);
        }
        enough(Buffer::Weights, net.weights, memory.weights.len())?;
        enough(Buffer::State, net.state, memory.state.len())?;
        enough(Buffer::Arena, net.arena, memory.arena.len())?;
        let planned = net.update_state + net.gradient as usize;
        let needed = update.state() + (U::WHOLE || net.in_parts) as usize;
        if net.trains && planned != needed {
            return Err(Error::Update { planned, needed });
        }
        if !update.is_sound() {
            return Err(Error::Settings);
        }
        Ok(Self {
            net,
            update,
            memory,
            steps: 0,
            seed: 0,
            parts: Parts::default(),
            uses: PhantomData,
        })
    }

    /// Writes the initial weights, and forgets the state of the update and the steps taken.
    #[inline]
    pub fn start(&mut self, scheme: &impl Scheme) {
        init::fill_linked::<S, _>(&self.net, scheme, self.memory.weights);
        self.forget();
    }

    /// Forgets the state of the update and the steps taken, but not the weights.
    pub fn forget(&mut self) {
        math::zero(self.memory.state.get_mut(..self.net.state).unwrap_or_default());
        self.steps = 0;
        self.parts = Parts::default();
    }

    /// Forgets the parts of a step that were gathered.
    #[cfg(feature = "device")]
    pub(crate) fn drop_parts(&mut self) {
        self.parts = Parts::default();
    }

    /// What layers that draw lots in training depend on, beside the number of the step.
    pub const fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// The network.
    pub const fn net(&self) -> &Net<'a> {
        &self.net
    }

    /// The weights, as they stand.
    pub fn all_weights(&self) -> &[f32] {
        self.memory.weights.get(..self.net.weights).unwrap_or_default()
    }

    /// The weights, to be replaced by others.
    pub fn all_weights_mut(&mut self) -> &mut [f32] {
        self.memory.weights.get_mut(..self.net.weights).unwrap_or_default()
    }

    /// All layers forward. The output then lies in the arena, at the place that is returned.
    #[inline(never)]
    fn forward(&mut self, input: &[f32], examples: usize, training: bool) -> Span {
        let Self { net, memory: Memory { weights, arena, .. }, .. } = self;
        let chance = match S::SET.draws() {
            true => Chance { seed: self.seed, step: self.parts.lots(self.steps), node: 0 },
            false => Chance::NONE,
        };
        let run = |node: &Node, slot: &Slot, io: Forward<'_>| {
            node.layer.forward::<S>(Forward { w: slot.weights.of(weights), ..io });
            Ok::<_, Infallible>(())
        };
        let Ok(output) = forward::<S, _>(net, arena, (input, examples, training), chance, run);
        output
    }

    /// The loss of the outputs, which lie at `y`; their gradients, as parts of a mean over `examples`, then lie
    /// where backward looks.
    #[inline(never)]
    fn loss(&mut self, y: Span, target: Target<'_>, examples: usize) -> f32 {
        let Some(last) = self.net.slots.last() else { return f32::NAN };
        let dy = last.dy.first(y.len as usize);
        let sizes = (self.net.rows(examples), self.net.output.channels as usize);
        if dy.start != y.start {
            let none = Span::EMPTY;
            let [y, dy, ..] = cut(self.memory.arena, [y, dy, none, none, none]);
            math::copy(dy, y);
        }
        let dy = dy.of_mut(self.memory.arena);
        match (S::SET.has_cross_entropy(), S::SET.has_squared_error()) {
            (true, true) => self.net.loss.descend::<true, true>(dy, target, sizes),
            (true, false) => self.net.loss.descend::<true, false>(dy, target, sizes),
            (false, _) => self.net.loss.descend::<false, true>(dy, target, sizes),
        }
    }

    /// All layers backward, from the gradient of the outputs in its place. `state` is where the
    /// state of the moves begins in the buffer of state.
    #[inline(never)]
    fn backward<M: Move>(
        &mut self,
        input: &[f32],
        examples: usize,
        moves: &Moves<M>,
        state: usize,
    ) -> Result<(), Error> {
        let Self { net, memory: Memory { weights, state: states, arena }, .. } = self;
        let states = states.get_mut(state..).unwrap_or_default();
        let nodes = net.nodes.iter().zip(net.slots).enumerate();
        for (number, (node, slot)) in nodes.rev().filter(|(_, (_, slot))| slot.backward) {
            let style = node.layer.linked_style::<S>(slot.trained);
            let [read, saved, dy, dx, d_second, second] =
                pieces::<S>(net, (node, slot), examples, arena);
            let (x, y) = match (style.reads_x, node.from.node()) {
                (true, None) => (input, &[][..]),
                (true, _) => (&*read, &[][..]),
                (false, _) => (&[][..], &*read),
            };
            let second = match self::second::<S>(node) {
                Some(second) if S::SET.pairs() && second.node().is_none() => input,
                _ => &*second,
            };
            if slot.trained.any() && !(math::tame(x) && math::tame(dy)) {
                return Err(Error::Diverged { node: number });
            }
            if let [true, _] = slot.fresh {
                math::zero(dx);
            }
            let sums = S::SET.has(Kind::Add) && !(S::SET.pairs() && node.layer.kind() != Kind::Add);
            if let ([_, true], false) = (slot.fresh, sums) {
                math::zero(d_second);
            }
            let moved = slot.moved.times(M::STATE);
            let (w, state) = (slot.weights.of_mut(weights), moved.of_mut(states));
            let own = Weights { w, state, moves, trained: slot.trained.all() };
            let apart: &mut [f32] = if style.in_place { &mut [] } else { &mut *dx };
            node.layer.backward::<S, M>(Backward {
                input: &node.input,
                output: &node.output,
                x,
                y,
                second,
                saved,
                dy: &mut *dy,
                dx: apart,
                d_second: if sums { &mut [] } else { &mut *d_second },
                weights: own,
            });
            if slot.trained == Trained::Bias {
                let (w, state) = (slot.weights.of_mut(weights), moved.of_mut(states));
                let own = Weights { w, state, moves, trained: true };
                bias::apply_alone(dy, node.output.channels as usize, own);
            }
            if S::SET.recurs() && node.layer.gave_up(dy) {
                return Err(Error::Diverged { node: number });
            }
            if style.in_place {
                math::add(dx, dy);
            }
            match slot.fresh {
                _ if !sums => {}
                [_, true] => math::copy(d_second, dy),
                _ => math::add(d_second, dy),
            }
        }
        Ok(())
    }

    /// The loss of these examples before a step of `all`, whose gradient then lies where backward looks.
    fn look(
        &mut self,
        x: &[f32],
        target: Target<'_>,
        (examples, all): (usize, usize),
    ) -> Result<f32, Error> {
        let y = self.forward(x, examples, true);
        let loss = self.loss(y, target, all);
        if !loss.is_finite() {
            return Err(Error::Loss(loss));
        }
        Ok(loss)
    }

    /// Adds the gradient of these examples, as parts of a mean over `all`, to the whole one behind the state.
    fn gather(
        &mut self,
        x: &[f32],
        target: Target<'_>,
        (examples, all): (usize, usize),
    ) -> Result<f32, Error> {
        let loss = self.look(x, target, (examples, all))?;
        let gradient = self.net.trained * self.update.state();
        if self.parts.count == 0 {
            let sums = self.memory.state.get_mut(gradient..self.net.state);
            math::zero(sums.unwrap_or_default());
        }
        self.backward(x, examples, &Moves::all(Gather), gradient)?;
        Ok(loss)
    }

    /// Adds the gradient of one part of a step: where nobody knows yet how many examples it will have, of a sum.
    fn gather_part(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, Error> {
        let examples = super::check(&self.net, x, target)?;
        if !self.net.gradient {
            return Err(Error::NoGradient);
        }
        let loss = self.gather(x, target, (examples, self.net.step.max(1)))?;
        self.parts = self.parts.and(examples);
        Ok(loss)
    }

    /// Moves all trained weights by this share of the gradient that was gathered.
    fn apply_gathered(&mut self, rate: f32, share: f32) {
        let Self { net, memory: Memory { weights, state, .. }, update, .. } = self;
        let step = Step { rate, number: self.steps + 1 };
        gathered::apply::<S, U>(net, (update, step, share), weights, state, gathered::move_by);
    }
}

impl<S: Uses, U: Update> Engine for Portable<'_, S, U> {
    type Error = Error;

    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let examples = super::examples(&self.net, x)?;
        let need = examples * self.net.output.size();
        if y.len() != need {
            return Err(Error::Memory { buffer: Buffer::Output, need, got: y.len() });
        }
        let output = self.forward(x, examples, false);
        math::copy(y, output.of(self.memory.arena));
        Ok(())
    }

    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, Error> {
        let examples = super::check(&self.net, x, target)?;
        super::check_rate(&self.update, rate)?;
        self.parts = Parts::default();
        let loss = if U::WHOLE {
            let loss = self.gather(x, target, (examples, examples))?;
            self.apply_gathered(rate, 1.0);
            loss
        } else {
            let loss = self.look(x, target, (examples, examples))?;
            let moves = Moves::of(&self.update, Step { rate, number: self.steps + 1 });
            self.backward(x, examples, &moves, 0)?;
            loss
        };
        self.steps += 1;
        Ok(loss)
    }

    fn accumulate(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, Error> {
        let gathered = self.gather_part(x, target);
        if gathered.is_err() {
            self.parts = Parts::default();
        }
        gathered
    }

    fn step(&mut self, rate: f32) -> Result<(), Error> {
        super::check_rate(&self.update, rate)?;
        let examples = self.parts.examples_of(&self.net)?;
        let is_mean = self.net.step > 0;
        self.apply_gathered(rate, if is_mean { 1.0 } else { 1.0 / examples as f32 });
        self.parts = Parts::default();
        self.steps += 1;
        Ok(())
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn state(&self, state: &mut [f32]) -> Result<(), Error> {
        let kept = self.net.kept();
        super::long(Buffer::State, kept, state.len())?;
        math::copy(state, self.memory.state);
        Ok(())
    }

    fn restore(&mut self, weights: &[f32], state: &[f32], steps: u64) -> Result<(), Error> {
        super::long(Buffer::Weights, self.net.weights, weights.len())?;
        super::long(Buffer::State, self.net.kept(), state.len())?;
        math::copy(self.memory.weights, weights);
        math::copy(self.memory.state, state);
        (self.steps, self.parts) = (steps, Parts::default());
        Ok(())
    }

    fn weights(&self, w: &mut [f32]) -> Result<(), Error> {
        super::long(Buffer::Weights, self.net.weights, w.len())?;
        math::copy(w, self.all_weights());
        Ok(())
    }
}
