//! What a training step asks of a GPU, counted without one, and what it must move at least.

use super::{Cuda, CudaError, Sort, Work};
use crate::engine::Error;
use crate::gpu::{self, Precision, Queue};
use crate::graph::{Node, Value};
use crate::loss::Loss;
use crate::plan::Net;
use crate::update::{OnGpu, Update};

impl<'a, U: Update<Move: OnGpu>> Cuda<'a, U> {
    /// What a training step by a whole batch asks of a GPU. It needs none.
    ///
    /// # Errors
    /// Where the plan was made for another update, or for inference.
    pub fn count(net: Net<'a>, update: U, precision: Precision) -> Result<gpu::Counts, CudaError> {
        Self::counted(net, update, precision, true)
    }

    /// What it would ask if no layer did the work of another behind it.
    ///
    /// # Errors
    /// Those of [`count`](Self::count).
    pub fn count_unfused(
        net: Net<'a>,
        update: U,
        precision: Precision,
    ) -> Result<gpu::Counts, CudaError> {
        Self::counted(net, update, precision, false)
    }

    fn counted(
        net: Net<'a>,
        update: U,
        precision: Precision,
        fuses: bool,
    ) -> Result<gpu::Counts, CudaError> {
        if !net.trains {
            return Err(Error::Inference.into());
        }
        let engine = Self { fuses, ..Self::on(Queue::counting(precision), net, update)? };
        let sort = match net.loss {
            Loss::SquaredError => Sort::Values,
            _ => Sort::Labels,
        };
        let (kernel, _) = engine.settings(0.0, 1.0);
        let _ = engine.queue.counted();
        let wanted = sort.on_device(engine.memory.wanted);
        engine.whole_step(Work::Train, wanted, net.batch, kernel)?;
        Ok(engine.queue.counted())
    }

    /// Bytes that a training step by a whole batch must move at least: forward each layer reads its
    /// operands and its weights and writes its output; backward it reads the gradient of its output, and
    /// what it needs of these again, and writes the gradients of its operands and weights; the update
    /// reads and writes weights and state. In bf16 weights are rounded once more for the products.
    pub fn least_bytes(net: &Net<'_>, update: &U, precision: Precision) -> u64 {
        let batch = net.batch as u64;
        let second = |node: &Node| match node.second.map(Value::node) {
            None => 0,
            Some(None) => net.input.len(),
            Some(Some(from)) => net.nodes.get(from).map_or(0, |from| from.output.len()),
        };
        // numbers that flow, and numbers of f32
        let (mut flowing, mut wide) = (0, 0);
        for (node, slot) in net.nodes.iter().zip(net.slots) {
            let (x, y, second) = (node.input.len(), node.output.len(), second(node));
            let (w, style) = (u64::from(slot.weights.len), node.layer.style(slot.trained));
            flowing += batch * (x + second + y) as u64 + w;
            let read =
                if style.reads_x { x + second } else { 0 } + if style.reads_y { y } else { 0 };
            if slot.backward {
                flowing += batch * (y + read + x + second) as u64 + w;
                wide += u64::from(slot.moved.len);
            }
        }
        wide += net.trained as u64 * (3 + 2 * update.state() as u64);
        let rounded = match precision {
            Precision::F32 | Precision::Tf32 => 0,
            Precision::Bf16 => 6 * net.weights as u64,
        };
        precision.flowing() * flowing + 4 * wide + rounded
    }
}
