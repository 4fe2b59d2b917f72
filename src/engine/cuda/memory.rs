//! What lies on the device: all of it is taken once, when the engine is made.

use super::step;
use crate::gpu::{Error, Numbers, Precision, Queue};
use crate::plan::{Net, Slot};
use crate::update::on_gpu;
use std::vec::Vec;

/// Places in the buffer of settings: three groups of moves, what lots are drawn by, the share that the
/// gradient counts by, the place of the step's note.
pub(super) const LOTS: usize = 3 * on_gpu::NUMBERS;
pub(super) const SHARE: usize = LOTS + 4;
pub(super) const SETTINGS: usize = SHARE + 2;

/// Places in the buffer of results: the loss, what gradients were multiplied by, and the verdict.
pub(super) const RESULTS: usize = 3;

/// All that lies on the device.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    pub weights: Numbers,
    /// The weights as products take them: in bf16 they are rounded for each step.
    pub factors: Numbers,
    pub state: Numbers,
    pub gradient: Numbers,
    /// The gradient that parts of a step have gathered.
    pub gathered: Numbers,
    pub arena: Numbers,
    pub scratch: Numbers,
    /// The batch as it came, which tokens are read from.
    pub input: Numbers,
    /// The batch as it flows, where that is not as it came.
    pub fed: Numbers,
    /// The outputs of inference, for the host.
    pub output: Numbers,
    /// Labels, labels of the second sort and shares, or values.
    pub wanted: [Numbers; 3],
    pub losses: Numbers,
    pub settings: Numbers,
    pub results: Numbers,
}

/// Numbers of scratch that a step wants of a queue.
pub(super) fn scratch(net: &Net<'_>, queue: &Queue) -> usize {
    let each = net.nodes.iter().map(|node| {
        let shapes = (node.input, node.output);
        node.layer.cuda_scratch(shapes, net.batch, queue.matrix_units())
    });
    each.max().unwrap_or(0).max(step::SIZES)
}

impl Memory {
    /// All but inputs, what is wanted and settings, which lie in the slots of [`Staged`](super::staged::Staged).
    pub fn take(net: &Net<'_>, queue: &mut Queue) -> Result<Self, Error> {
        let rows = net.rows(net.batch);
        let outputs = net.output.channels as usize;
        let terms = net.loss.terms(rows, outputs);
        let trained = if net.trains { net.trained } else { 0 };
        let weights = queue.take(net.weights)?;
        let (factors, fed, output) = match queue.precision() {
            Precision::F32 | Precision::Tf32 => (weights, Numbers::EMPTY, Numbers::EMPTY),
            Precision::Bf16 => (
                queue.take_flowing(net.weights)?,
                queue.take_flowing(net.batch * net.input.len())?,
                queue.take(net.batch * net.output.len())?,
            ),
        };
        Ok(Self {
            weights,
            factors,
            state: queue.take(net.kept())?,
            gradient: queue.take(trained)?,
            gathered: queue.take(if net.in_parts || net.gradient { trained } else { 0 })?,
            arena: queue.take_flowing(net.arena)?,
            scratch: queue.take(scratch(net, queue))?,
            input: Numbers::EMPTY,
            fed,
            output,
            wanted: [Numbers::EMPTY; 3],
            losses: queue.take(terms)?,
            settings: Numbers::EMPTY,
            results: queue.take(RESULTS)?,
        })
    }
}

/// Where each layer saves what its backward pass wants to know. It is f32 always: in the arena where that
/// is f32 too, and in a buffer of its own where it is not.
pub(super) fn saved(
    net: &Net<'_>,
    arena: Numbers,
    queue: &mut Queue,
) -> Result<Vec<Numbers>, Error> {
    if queue.precision() != Precision::Bf16 {
        return Ok(net.slots.iter().map(|slot| arena.of(slot.saved)).collect());
    }
    let mut rest = queue.take(net.slots.iter().map(|slot| slot.saved.len as usize).sum())?;
    let next = |slot: &Slot| {
        let len = slot.saved.len as usize;
        let saved = if len == 0 { Numbers::EMPTY } else { rest.first(len) };
        rest = rest.after(len);
        saved
    };
    Ok(net.slots.iter().map(next).collect())
}
