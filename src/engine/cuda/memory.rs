//! What lies on the device: all of it is taken once, when the engine is made.

use super::step;
use crate::gpu::{Error, Numbers, Queue};
use crate::plan::Net;
use crate::update::on_gpu;

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
    pub state: Numbers,
    pub gradient: Numbers,
    /// The gradient that parts of a step have gathered.
    pub gathered: Numbers,
    pub arena: Numbers,
    pub scratch: Numbers,
    pub input: Numbers,
    /// Labels, labels of the second sort and shares, or values.
    pub wanted: [Numbers; 3],
    pub losses: Numbers,
    pub settings: Numbers,
    pub results: Numbers,
}

impl Memory {
    /// All but inputs, what is wanted and settings, which lie in the slots of [`Staged`](super::staged::Staged).
    pub fn take(net: &Net<'_>, queue: &mut Queue) -> Result<Self, Error> {
        let rows = net.rows(net.batch);
        let outputs = net.output.channels as usize;
        let terms = net.loss.terms(rows, outputs);
        let scratch = net
            .nodes
            .iter()
            .map(|node| node.layer.cuda_scratch(node.input, node.output, net.batch));
        let trained = if net.trains { net.trained } else { 0 };
        Ok(Self {
            weights: queue.take(net.weights)?,
            state: queue.take(net.kept())?,
            gradient: queue.take(trained)?,
            gathered: queue.take(if net.in_parts || net.gradient { trained } else { 0 })?,
            arena: queue.take(net.arena)?,
            scratch: queue.take(scratch.max().unwrap_or(0).max(step::SIZES))?,
            input: Numbers::EMPTY,
            wanted: [Numbers::EMPTY; 3],
            losses: queue.take(terms)?,
            settings: Numbers::EMPTY,
            results: queue.take(RESULTS)?,
        })
    }
}
