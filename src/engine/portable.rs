//! The engine that is the meaning: one order of summation, no fused arithmetic, no allocation, the
//! same bits on every processor.

use super::{Buffer, Engine, Error, MOST_RATE};
use crate::graph::{Node, Value};
use crate::init::{self, Scheme};
use crate::layer::{Backward, Chance, Forward, Kind, PartKind, Uses, Weights};
use crate::loss::Target;
use crate::math;
use crate::plan::{Net, Slot};
use crate::shape::{Span, cut};
use crate::update::{Accumulate, Move, Moves, Step, Update};
use core::fmt;
use core::marker::PhantomData;

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
    uses: PhantomData<S>,
}

impl<S, U: fmt::Debug> fmt::Debug for Portable<'_, S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { net, update, .. } = self;
        f.debug_struct("Portable").field("net", net).field("update", update).finish_non_exhaustive()
    }
}

/// The sum of magnitudes from which on a layer refuses to compute: no gradient is then larger than
/// its square, and no step infinite, with the largest rate and any momentum below 1.
const TAME: f32 = 1e12;

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
        let enough = |buffer, need, got| match got < need {
            true => Err(Error::Memory { buffer, need, got }),
            false => Ok(()),
        };
        enough(Buffer::Weights, net.weights, memory.weights.len())?;
        enough(Buffer::State, net.state, memory.state.len())?;
        enough(Buffer::Arena, net.arena, memory.arena.len())?;
        let (planned, needed) = (net.update_state, U::STATE + U::CLIPS as usize);
        if net.trains && planned != needed {
            return Err(Error::Update { planned, needed });
        }
        if !update.is_sound() {
            return Err(Error::Settings);
        }
        Ok(Self { net, update, memory, steps: 0, seed: 0, uses: PhantomData })
    }

    /// Writes the initial weights, and forgets the state of the update and the steps taken.
    #[inline]
    pub fn start(&mut self, scheme: &impl Scheme) {
        init::fill_linked::<S, _>(&self.net, scheme, self.memory.weights);
        math::zero(self.memory.state.get_mut(..self.net.state).unwrap_or_default());
        self.steps = 0;
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

    /// How many examples `x` has.
    fn examples(&self, x: &[f32]) -> Result<usize, Error> {
        let (got, example, most) = (x.len(), self.net.input.size(), self.net.batch);
        let examples = got.checked_div(example).unwrap_or(0);
        match examples * example == got && 0 < examples && examples <= most {
            true => Ok(examples),
            false => Err(Error::Batch { got, example, most }),
        }
    }

    /// All layers forward. The output then lies in the arena, at the place that is returned.
    #[inline(never)]
    fn forward(&mut self, input: &[f32], examples: usize, training: bool) -> Span {
        let Self { net, memory: Memory { weights, arena, .. }, .. } = self;
        let mut output = Span::EMPTY;
        let mut chance = match S::SET.draws() {
            true => Chance { seed: self.seed, step: self.steps, node: 0 },
            false => Chance::NONE,
        };
        for (node, slot) in net.nodes.iter().zip(net.slots) {
            let y = slot.y.first(examples * node.output.size());
            let x = net.value(node.from).first(examples * node.input.size());
            let second = match second::<S>(node) {
                Some(second) => net.value(second).first(second_len::<S>(net, node, examples)),
                None => Span::EMPTY,
            };
            let saved = if training { slot.saved } else { Span::EMPTY };
            // in place, the output's place holds the input already
            let in_place = node.layer.linked_style::<S>(slot.trained).in_place;
            let shared = in_place && x.start == y.start && !x.is_empty();
            let x = if shared { Span::EMPTY } else { x };
            output = y;
            let [y, x, second, saved, _] = cut(arena, [y, x, second, saved, Span::EMPTY]);
            let x = if node.from.node().is_none() { input } else { &*x };
            let second = match self::second::<S>(node) {
                Some(second) if second.node().is_none() => input,
                _ => &*second,
            };
            if in_place && !shared {
                math::copy(y, x);
            }
            let w = slot.weights.of(weights);
            node.layer.forward::<S>(Forward {
                input: &node.input,
                output: &node.output,
                x,
                second,
                w,
                saved,
                y,
                chance: &chance,
            });
            if S::SET.draws() {
                chance.node += 1;
            }
        }
        output
    }

    /// The loss of the outputs, which lie at `y`; their gradients then lie where backward looks.
    #[inline(never)]
    fn loss(&mut self, y: Span, target: Target<'_>) -> f32 {
        let Some(last) = self.net.slots.last() else { return f32::NAN };
        let (dy, outputs) = (last.dy.first(y.len as usize), self.net.output.channels as usize);
        if dy.start != y.start {
            let none = Span::EMPTY;
            let [y, dy, ..] = cut(self.memory.arena, [y, dy, none, none, none]);
            math::copy(dy, y);
        }
        let dy = dy.of_mut(self.memory.arena);
        match (S::SET.has_cross_entropy(), S::SET.has_squared_error()) {
            (true, true) => self.net.loss.descend::<true, true>(dy, target, outputs),
            (true, false) => self.net.loss.descend::<true, false>(dy, target, outputs),
            (false, _) => self.net.loss.descend::<false, true>(dy, target, outputs),
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
            if slot.trained && !(tame(x) && tame(dy)) {
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
            let weights = Weights {
                w: slot.weights.of_mut(weights),
                state: moved.of_mut(states),
                moves,
                trained: slot.trained,
            };
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
                weights,
            });
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

    /// Moves all trained weights by the gradient that was summed in memory, clipped first.
    fn apply_summed(&mut self, moves: &Moves<U::Move>) {
        let Self { net, memory: Memory { weights, state, .. }, update, .. } = self;
        let Some((state, gradient)) = state.split_at_mut_checked(net.trained * U::STATE) else {
            return;
        };
        let gradient = gradient.get(..net.trained).unwrap_or_default();
        // in f64, where the squares of tame numbers cannot overflow
        let square: f64 = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
        let norm = math::sqrt_f64(square) as f32;
        let factor = update.factor(norm);
        let trained = |(_, slot): &(&Node, &Slot)| slot.trained && slot.backward;
        for (node, slot) in net.nodes.iter().zip(net.slots).filter(trained) {
            let (mut w, mut s) = (slot.weights, slot.moved.times(U::STATE));
            let mut g = slot.moved;
            let mut part = 0;
            while let Some(weight) = node.layer.linked_part::<S>(node.input, part) {
                let len = weight.dims.len();
                if weight.kind.is_trained() {
                    let how = match weight.kind {
                        PartKind::Weight | PartKind::Table => moves.matrix,
                        _ if node.layer.kind().is_scalar() => moves.scalar,
                        _ => moves.vector,
                    };
                    let numbers = g.first(len).of(gradient).iter().map(|g| g * factor);
                    let state = s.first(len * U::STATE).of_mut(state);
                    how.apply(w.first(len).of_mut(weights), state, numbers);
                    (g, s) = (g.after(len), s.after(len * U::STATE));
                }
                w = w.after(len);
                part += 1;
            }
        }
    }
}

impl<S: Uses, U: Update> Engine for Portable<'_, S, U> {
    type Error = Error;

    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let examples = self.examples(x)?;
        let need = examples * self.net.output.size();
        if y.len() != need {
            return Err(Error::Memory { buffer: Buffer::Output, need, got: y.len() });
        }
        let output = self.forward(x, examples, false);
        math::copy(y, output.of(self.memory.arena));
        Ok(())
    }

    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, Error> {
        let examples = self.examples(x)?;
        let (rows, classes) = (self.net.rows(examples), self.net.output.channels as usize);
        self.net.loss.check(target, rows, classes)?;
        if !self.net.trains {
            return Err(Error::Inference);
        }
        // decay must not grow a weight: 0 ≤ η λ ≤ 1
        let shrinks = (0.0..=1.0).contains(&(rate * self.update.decay()));
        if !(0.0..=MOST_RATE).contains(&rate) || !shrinks {
            return Err(Error::Rate(rate));
        }
        let y = self.forward(x, examples, true);
        let loss = self.loss(y, target);
        if !loss.is_finite() {
            return Err(Error::Loss(loss));
        }
        let moves = Moves::of(&self.update, Step { rate, number: self.steps + 1 });
        if U::CLIPS {
            let gradient = self.net.trained * U::STATE;
            let sums = self.memory.state.get_mut(gradient..self.net.state);
            math::zero(sums.unwrap_or_default());
            self.backward(x, examples, &Moves::all(Accumulate), gradient)?;
            self.apply_summed(&moves);
        } else {
            self.backward(x, examples, &moves, 0)?;
        }
        self.steps += 1;
        Ok(loss)
    }

    fn weights(&self, w: &mut [f32]) -> Result<(), Error> {
        let (need, got) = (self.net.weights, w.len());
        if need != got {
            return Err(Error::Memory { buffer: Buffer::Weights, need, got });
        }
        math::copy(w, self.all_weights());
        Ok(())
    }
}

/// The second operand of a layer, in a binary that links layers of two operands.
#[inline(always)]
fn second<S: Uses>(node: &Node) -> Option<Value> {
    if S::SET.has(Kind::Add) || S::SET.pairs() { node.second } else { None }
}

/// How many numbers the second operand of a layer has: as many as the output, in a sum.
#[inline(always)]
fn second_len<S: Uses>(net: &Net<'_>, node: &Node, examples: usize) -> usize {
    if !S::SET.pairs() {
        return examples * node.output.size();
    }
    let from = node.second.and_then(Value::node).and_then(|from| net.nodes.get(from));
    examples * from.map_or(net.input, |from| from.output).size()
}

/// What a backward pass reads and writes: the input or the output of the layer, what it saved, the
/// gradient of its output, those of its first and second operand, and the second operand.
#[inline(always)]
fn pieces<'a, S: Uses>(
    net: &Net<'_>,
    (node, slot): (&Node, &Slot),
    examples: usize,
    arena: &'a mut [f32],
) -> [&'a mut [f32]; 6] {
    let style = node.layer.linked_style::<S>(slot.trained);
    let (x_len, y_len) = (examples * node.input.size(), examples * node.output.size());
    // no layer reads both its input and its output
    let read = match (style.reads_x, style.reads_y) {
        (true, _) => net.value(node.from).first(x_len),
        (_, true) => slot.y.first(y_len),
        _ => Span::EMPTY,
    };
    let dx = match slot.shares_gradient {
        true => Span::EMPTY,
        false => net.gradient(node.from).first(x_len),
    };
    let dy = slot.dy.first(y_len);
    let second = second::<S>(node);
    let second_len = second_len::<S>(net, node, examples);
    let d_second = second.map_or(Span::EMPTY, |second| net.gradient(second).first(second_len));
    if !S::SET.pairs() {
        let [read, saved, dy, dx, d_second] = cut(arena, [read, slot.saved, dy, dx, d_second]);
        return [read, saved, dy, dx, d_second, &mut []];
    }
    let second = match second {
        Some(second) if style.reads_x => net.value(second).first(second_len),
        _ => Span::EMPTY,
    };
    cut(arena, [read, slot.saved, dy, dx, d_second, second])
}

/// Whether numbers are small enough to compute with; NaN is not.
#[inline(never)]
fn tame(x: &[f32]) -> bool {
    x.iter().map(|x| x.abs()).sum::<f32>() < TAME
}
