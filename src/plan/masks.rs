//! Where a rectifier keeps bits in place of its output.

use super::Plan;
use crate::graph::Value;
use crate::layer::{Layer, MaskedRelu};

impl<const N: usize> Plan<N> {
    /// Puts a [`MaskedRelu`] in the place of each rectifier whose output only itself reads again on the way back.
    pub(super) const fn mask_rectifiers(&mut self) {
        let mut k = 0;
        while k < self.graph.nodes().len() {
            if matches!(self.graph.nodes()[k].layer, Layer::Relu(_))
                && self.slots[k].backward
                && !self.is_read_again(k)
            {
                self.graph.replace(k, Layer::MaskedRelu(MaskedRelu));
            }
            k += 1;
        }
    }

    /// Whether the backward pass of a layer behind layer `k` reads what that puts out.
    const fn is_read_again(&self, k: usize) -> bool {
        let nodes = self.graph.nodes();
        let mut user = k + 1;
        while user < nodes.len() {
            let reads = self.slots[user].backward
                && nodes[user].layer.style(self.slots[user].trained).reads_x;
            if reads && (is(nodes[user].from, k) || is_some(nodes[user].second, k)) {
                return true;
            }
            user += 1;
        }
        false
    }
}

const fn is(value: Value, node: usize) -> bool {
    matches!(value.node(), Some(from) if from == node)
}

const fn is_some(value: Option<Value>, node: usize) -> bool {
    matches!(value, Some(value) if is(value, node))
}
