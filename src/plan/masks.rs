//! Where a rectifier keeps bits in place of its output.

use super::Plan;
use crate::graph::Value;
use crate::layer::{Layer, MaskedRelu};

impl<const N: usize> Plan<N> {
    /// Puts a [`MaskedRelu`] in the place of each rectifier whose output no other backward pass reads.
    pub(super) const fn mask_rectifiers(&mut self) {
        let read = self.read_by_others();
        let mut k = 0;
        while k < self.graph.nodes().len() {
            let rectifies = matches!(self.graph.nodes()[k].layer, Layer::Relu(_));
            if rectifies && self.slots[k].backward && !read[k] {
                self.graph.replace(k, Layer::MaskedRelu(MaskedRelu));
            }
            k += 1;
        }
    }

    /// Whether the backward pass of a layer behind reads what each puts out.
    const fn read_by_others(&self) -> [bool; N] {
        let nodes = self.graph.nodes();
        let (mut read, mut k) = ([false; N], 0);
        while k < nodes.len() {
            if self.slots[k].backward && nodes[k].layer.style(self.slots[k].trained).reads_x {
                mark(&mut read, nodes[k].from);
                if let Some(second) = nodes[k].second {
                    mark(&mut read, second);
                }
            }
            k += 1;
        }
        read
    }
}

const fn mark<const N: usize>(read: &mut [bool; N], value: Value) {
    if let Some(node) = value.node() {
        read[node] = true;
    }
}
