//! What a step asks the GPU for: all layers forward, the loss, all layers backward, and the update.

use super::super::rectified::{masks_before, rectified, sum_masks};
use super::along::{goes_through, takes_along};
use super::memory::{LOTS, Memory, SHARE};
use super::{Cuda, Work};
use crate::gpu::{Argument, Error, Grid, Numbers};
use crate::graph::Value;
use crate::layer::cuda::{Along, Backward, Forward, Lots, column_sums as sum_bias};
use crate::layer::{Kind, Trained};
use crate::loss::cuda::Wanted;
use crate::update::{OnGpu, Update};

/// Blocks that look at the size of the gradient.
const BLOCKS: usize = 256;

/// Numbers of scratch for what they find: a sum in f64 and a largest size each.
pub(super) const SIZES: usize = 3 * BLOCKS;

impl<U: Update<Move: OnGpu>> Cuda<'_, U> {
    /// A whole step for so many examples, whose inputs, targets and settings lie on the device.
    pub(super) fn whole_step(
        &self,
        work: Work,
        wanted: Wanted,
        examples: usize,
        kernel: &'static str,
    ) -> Result<(), Error> {
        let y = self.forward(examples, true)?;
        self.loss(y, wanted, examples)?;
        self.agree_on_loss(examples)?;
        self.backward(work, examples)?;
        match work {
            Work::Train => {
                self.update(self.memory.gradient, kernel)?;
                self.note()
            }
            Work::Gather => {
                let Memory { gradient, gathered, results, .. } = self.memory;
                self.judge(gradient)?;
                self.agree_on_verdict()?;
                let (verdict, n) = (results.after(1), gradient.len());
                let all: [Argument; 5] = [
                    gathered.updated(),
                    gradient.into(),
                    verdict.into(),
                    (examples as f32).into(),
                    n.into(),
                ];
                self.queue.launch("gather", Grid::each(n), all)
            }
        }
    }

    /// Where a value lies, of so many numbers, for layers of a kind: tokens are read as they came.
    fn value(&self, value: Value, kind: Kind, len: usize) -> Numbers {
        match value.node() {
            None if kind == Kind::Embedding || self.memory.fed.is_empty() => {
                self.memory.input.first(len)
            }
            None => self.memory.fed.first(len),
            Some(_) => self.memory.arena.of(self.net.value(value).first(len)),
        }
    }

    /// Where the gradient of a value lies; nowhere, if nobody wants it.
    fn gradient_of(&self, value: Value, len: usize) -> Numbers {
        self.memory.arena.of(self.net.gradient(value).first(len))
    }

    /// Where a second operand lies, and its gradient.
    fn second(&self, value: Option<Value>, examples: usize) -> [Numbers; 2] {
        let Some(value) = value else { return [Numbers::EMPTY; 2] };
        let shape = match value.node() {
            None => self.net.input,
            Some(node) => self.net.nodes.get(node).map_or(self.net.input, |node| node.output),
        };
        let len = examples * shape.len();
        [self.value(value, Kind::Add, len), self.gradient_of(value, len)]
    }

    const fn lots(&self, node: usize) -> Lots {
        Lots { at: self.memory.settings.after(LOTS), node: node as u32 }
    }

    /// All layers forward. The output then lies at the place that is returned.
    pub(super) fn forward(&self, examples: usize, training: bool) -> Result<Numbers, Error> {
        let Memory { arena, weights, factors, scratch, .. } = self.memory;
        self.narrow(examples)?;
        let mut output = Numbers::EMPTY;
        for (number, (node, slot)) in self.net.nodes.iter().zip(self.net.slots).enumerate() {
            output = arena.of(slot.y.first(examples * node.output.len()));
            // taken along by the layer before it
            let taken = |before| self.rectifies(before) || self.takes_along(before).is_some();
            if number.checked_sub(1).is_some_and(taken) {
                continue;
            }
            let (along, last) = self.along(number, examples);
            node.layer.forward_cuda(&Forward {
                queue: &self.queue,
                input: node.input,
                output: node.output,
                examples,
                x: self.value(node.from, node.layer.kind(), examples * node.input.len()),
                second: self.second(node.second, examples)[0],
                w: weights.of(slot.weights),
                factors: factors.of(slot.weights),
                saved: if training { self.saved(number) } else { Numbers::EMPTY },
                y: output,
                relu: self.rectifies(last),
                along,
                chance: self.lots(number),
                scratch,
            })?;
        }
        Ok(output)
    }

    /// What layer `number` is to take along, and the last layer whose work it then does.
    fn along(&self, number: usize, examples: usize) -> (Along, usize) {
        let next = number + 1;
        let (Some(node), Some(slot)) = (self.net.nodes.get(next), self.net.slots.get(next)) else {
            return (Along::Nothing, number);
        };
        let y = self.memory.arena.of(slot.y.first(examples * node.output.len()));
        match self.takes_along(number) {
            Some(Kind::Gelu) => (Along::Gelu(y), next),
            Some(_) => (Along::Sum(self.second(node.second, examples)[0]), next),
            None => (Along::Nothing, number),
        }
    }

    /// The loss of the outputs; their gradients then lie where backward looks.
    fn loss(&self, y: Numbers, wanted: Wanted, examples: usize) -> Result<(), Error> {
        let Memory { arena, losses, results, .. } = self.memory;
        let dy = self.net.slots.last().map_or(Numbers::EMPTY, |last| arena.of(last.dy));
        let dy = dy.first(y.len());
        self.queue.copy(dy, y)?;
        let (rows, outputs) = (self.net.rows(examples), self.net.output.channels as usize);
        let places = (losses, results.first(1), self.ahead.halted);
        self.net.loss.descend_cuda(&self.queue, dy, wanted, (rows, outputs), places)
    }

    /// All layers backward, from the gradient of the outputs in its place to those of all weights.
    fn backward(&self, work: Work, examples: usize) -> Result<(), Error> {
        let Memory { arena, weights, factors, gradient, scratch, results, .. } = self.memory;
        let nodes = self.net.nodes.iter().zip(self.net.slots).enumerate();
        let (mut masks, mut gelus) = (Numbers::EMPTY, Numbers::EMPTY);
        for (number, (node, slot)) in nodes.rev().filter(|(_, (_, slot))| slot.backward) {
            let style = node.layer.style(slot.trained);
            let in_place = style.in_place && !node.layer.passes_on();
            let (x_len, y_len) = (examples * node.input.len(), examples * node.output.len());
            let dy = arena.of(slot.dy.first(y_len));
            if number.checked_sub(1).is_some_and(|before| self.masks(before)) {
                masks = arena.of(slot.y.first(y_len));
                continue;
            }
            if number
                .checked_sub(1)
                .is_some_and(|before| self.fuses && goes_through(&self.net, before))
            {
                gelus = self.value(node.from, Kind::Gelu, x_len);
                continue;
            }
            let mask = core::mem::replace(&mut masks, Numbers::EMPTY);
            let gelu = core::mem::replace(&mut gelus, Numbers::EMPTY);
            let dx = match slot.shares_gradient {
                true => Numbers::EMPTY,
                false => self.gradient_of(node.from, x_len),
            };
            let [second, d_second] = self.second(node.second, examples);
            node.layer.backward_cuda(&Backward {
                queue: &self.queue,
                input: node.input,
                output: node.output,
                examples,
                x: if style.reads_x {
                    self.value(node.from, node.layer.kind(), x_len)
                } else {
                    Numbers::EMPTY
                },
                y: if style.reads_y { arena.of(slot.y.first(y_len)) } else { Numbers::EMPTY },
                second,
                saved: self.saved(number),
                dy,
                dx: if in_place { Numbers::EMPTY } else { dx },
                d_second,
                fresh: slot.fresh,
                w: weights.of(slot.weights),
                factors: factors.of(slot.weights),
                dw: if slot.trained.all() { gradient.of(slot.moved) } else { Numbers::EMPTY },
                mask,
                gelu,
                loss: results.first(1),
                chance: self.lots(number),
                scratch,
            })?;
            if slot.trained == Trained::Bias {
                let (queue, out) = (&self.queue, node.output.channels as usize);
                sum_bias(queue, gradient.of(slot.moved), dy, (y_len / out, out), scratch)?;
            }
            if node.layer.kind() == Kind::Add {
                match mask.is_empty() {
                    true => self.pass_on(d_second, dy, slot.fresh[1])?,
                    false => self.pass_on_masked(d_second, (dy, mask), slot.fresh[1])?,
                }
            }
            if in_place {
                self.pass_on(dx, dy, slot.fresh[0])?;
            }
            self.hand_on(number, work)?;
        }
        self.receive(work)
    }

    /// Whether layer `number` does the work of the rectifier behind it.
    fn rectifies(&self, number: usize) -> bool {
        self.fuses && rectified(&self.net, number)
    }

    /// The layer behind layer `number` whose work it does.
    fn takes_along(&self, number: usize) -> Option<Kind> {
        takes_along(&self.net, number).filter(|_| self.fuses)
    }

    /// Whether layer `number` masks its gradient by the rectifier behind it.
    fn masks(&self, number: usize) -> bool {
        let layers = self.net.nodes.get(number).zip(self.net.slots.get(number));
        self.rectifies(number)
            && layers.is_some_and(|(node, slot)| match node.layer.kind() {
                Kind::BatchNorm => slot.trained.any() && masks_before(&self.net, number),
                Kind::Add => sum_masks(&self.net, number),
                _ => false,
            })
    }

    /// Masks a gradient by the output of the rectifier behind a sum, in its place, and passes it on to the
    /// second operand.
    fn pass_on_masked(
        &self,
        to: Numbers,
        (dy, mask): (Numbers, Numbers),
        fresh: bool,
    ) -> Result<(), Error> {
        let n = dy.len();
        let to: Argument = if fresh { to.into() } else { to.updated() };
        let all = [dy.updated(), to, mask.into(), fresh.into(), n.into()];
        self.queue.launch("add_backward", Grid::each(n), all)
    }

    /// Writes a gradient, or adds it to what is there.
    fn pass_on(&self, to: Numbers, dy: Numbers, fresh: bool) -> Result<(), Error> {
        match fresh {
            _ if to.is_empty() => Ok(()),
            true => self.queue.copy(to, dy),
            false => {
                let n = to.len();
                self.queue.launch("add_to", Grid::each(n), [to.updated(), dy.into(), n.into()])
            }
        }
    }

    /// Looks at the loss and at the whole gradient: whether weights can move by it, and how far.
    fn judge(&self, gradient: Numbers) -> Result<(), Error> {
        let Memory { scratch, results, settings, .. } = self.memory;
        let (squares, n) = (scratch.first(2 * BLOCKS), gradient.len());
        let sizes = scratch.after(2 * BLOCKS).first(BLOCKS);
        let look: [Argument; 4] = [squares.into(), sizes.into(), gradient.into(), n.into()];
        self.queue.launch("gradient_size", Grid::blocks(BLOCKS), look)?;
        let verdict: [Argument; 8] = [
            results.after(1).into(),
            squares.into(),
            sizes.into(),
            results.first(1).into(),
            settings.after(SHARE).into(),
            self.update.most_norm().into(),
            crate::layer::TAME.into(),
            BLOCKS.into(),
        ];
        self.queue.launch("gradient_verdict", Grid::blocks(1), verdict)
    }

    /// Moves all trained weights by a gradient, if they can.
    pub(super) fn update(&self, gradient: Numbers, kernel: &'static str) -> Result<(), Error> {
        let Memory { weights, state, results, settings, .. } = self.memory;
        self.judge(gradient)?;
        if self.table.runs == 0 {
            return Ok(());
        }
        let moved = [weights.updated(), state.updated()];
        let [a, b, c, d] = [gradient, self.table.numbers, settings, results.after(1)];
        let all: [Argument; 6] = [moved[0], moved[1], a.into(), b.into(), c.into(), d.into()];
        self.queue.launch(kernel, Grid::blocks(self.table.runs), all)
    }

    /// Where a layer saves for its backward pass.
    fn saved(&self, number: usize) -> Numbers {
        self.saved.get(number).copied().unwrap_or(Numbers::EMPTY)
    }

    /// Rounds the batch and all weights to the precision of what flows, where that is not theirs.
    fn narrow(&self, examples: usize) -> Result<(), Error> {
        let Memory { input, fed, weights, factors, .. } = self.memory;
        let len = examples * self.net.input.len();
        for (to, from) in [(fed.first(len), input.first(len)), (factors, weights)] {
            let n = to.len();
            if n > 0 && to != from {
                let all: [Argument; 5] = [to.into(), from.into(), n.into(), n.into(), n.into()];
                self.queue.launch("rounded", Grid::each(n), all)?;
            }
        }
        Ok(())
    }

    /// Numbers that flow, as f32.
    pub(super) fn widen(&self, flowing: Numbers) -> Result<Numbers, Error> {
        let (output, n) = (self.memory.output, flowing.len());
        if output.is_empty() {
            return Ok(flowing);
        }
        let wide = output.first(n);
        self.queue.launch("widened", Grid::each(n), [wide.into(), flowing.into(), n.into()])?;
        Ok(wide)
    }
}
