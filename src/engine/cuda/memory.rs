//! What lies on the device: all of it is taken once, when the engine is made.

use super::step;
use crate::gpu::{Error, Numbers, Queue};
use crate::graph::Node;
use crate::plan::Net;
use crate::update::on_gpu;

/// Places in the buffer of settings: three groups of moves, what lots are drawn by, the share that the
/// gradient counts by.
pub(super) const LOTS: usize = 3 * on_gpu::NUMBERS;
pub(super) const SHARE: usize = LOTS + 4;
const SETTINGS: usize = SHARE + 1;

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
    pub fn take(net: &Net<'_>, queue: &mut Queue) -> Result<Self, Error> {
        let rows = net.rows(net.batch);
        let outputs = net.output.channels as usize;
        let terms = net.loss.terms(rows, outputs);
        let trained = if net.trains { net.trained } else { 0 };
        Ok(Self {
            weights: queue.take(net.weights)?,
            state: queue.take(net.kept())?,
            gradient: queue.take(trained)?,
            gathered: queue.take(if net.in_parts || net.gradient { trained } else { 0 })?,
            arena: queue.take(net.arena)?,
            scratch: queue.take(scratch(net, queue))?,
            input: queue.take(net.batch * net.input.len())?,
            wanted: [queue.take(terms.max(rows))?, queue.take(rows)?, queue.take(rows)?],
            losses: queue.take(terms)?,
            settings: queue.take(SETTINGS)?,
            results: queue.take(RESULTS)?,
        })
    }

    /// Takes more scratch where the layers want more than there is: what they do can depend on what the
    /// queue allows.
    pub fn widen(&mut self, net: &Net<'_>, queue: &mut Queue) -> Result<(), Error> {
        let need = scratch(net, queue);
        if need > self.scratch.len() {
            self.scratch = queue.take(need)?;
        }
        Ok(())
    }
}

/// Numbers of scratch, which all layers share.
fn scratch(net: &Net<'_>, queue: &Queue) -> usize {
    let each = |node: &Node| node.layer.cuda_scratch(queue, [node.input, node.output], net.batch);
    net.nodes.iter().map(each).max().unwrap_or(0).max(step::SIZES)
}
