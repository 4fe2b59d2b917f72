//! Where values lie and when they die.
//!
//! Time runs over the forward passes 0 … n − 1, the loss n, and the backward passes of layer k at
//! 2 n − k. A value lives from the pass that writes it to the last one that reads it.

use super::memory::Memory;
use super::{Plan, Slot};
use crate::graph::Value;
use crate::layer::{Layer, Style};

impl<const N: usize> Plan<N> {
    /// Gives every value, saved number and gradient its place, and returns how many
    /// numbers the arena has.
    pub(super) const fn lay_values(&self, slots: &mut [Slot; N], share: u64) -> u64 {
        let n = self.graph.nodes().len();
        let trains = self.mode.trains();
        let (dies, last_user) = self.lifetimes();
        let mut memory = Memory::<N>::new(share, self.mode.line as u64);
        let mut k = 0;
        while k < n {
            let node = self.graph.nodes()[k];
            let style = node.layer.style(slots[k].trained);
            let shared = match node.from.node() {
                Some(from) if style.in_place && dies[from] == k => Some(slots[from].y),
                _ => None,
            };
            slots[k].y = match shared {
                Some(place) => place,
                None => memory.place(node.output.len() as u64 * self.batch as u64),
            };
            // a layer that draws lots does so by what it saves, also where nobody looks at that again
            if slots[k].backward || trains && matches!(node.layer, Layer::Dropout(_)) {
                let (each, once) = node.layer.saved(node.input, slots[k].trained);
                let saved = each as u64 * self.batch as u64 + once as u64;
                slots[k].saved = memory.place(saved);
                if !slots[k].backward {
                    memory.free(slots[k].saved);
                }
            }
            if shared.is_none() {
                release(slots, &mut memory, node.from, &dies, k);
            }
            if let Some(second) = node.second {
                release(slots, &mut memory, second, &dies, k);
            }
            k += 1;
        }
        if trains && memory.fits() {
            let last = &mut slots[n - 1];
            last.dy = match dies[n - 1] == n {
                true => last.y,
                false => memory.place(last.y.len as u64),
            };
        }
        while trains && k > 0 {
            k -= 1;
            if slots[k].backward {
                self.lay_gradients(slots, &mut memory, k, &last_user);
                let node = self.graph.nodes()[k];
                let now = 2 * n - k;
                release(slots, &mut memory, node.from, &dies, now);
                if let Some(second) = node.second {
                    release(slots, &mut memory, second, &dies, now);
                }
                if dies[k] == now {
                    memory.free(slots[k].y);
                }
                memory.free(slots[k].saved);
                if !slots[k].shares_gradient {
                    memory.free(slots[k].dy);
                }
            }
        }
        memory.top
    }

    /// When each value is read for the last time, and which layer is the last to take it.
    const fn lifetimes(&self) -> ([usize; N], [usize; N]) {
        let nodes = self.graph.nodes();
        let n = nodes.len();
        let (mut dies, mut last_user) = ([0; N], [usize::MAX; N]);
        let mut k = 0;
        while k < n {
            let Style { reads_x, reads_y, .. } = nodes[k].layer.style(self.slots[k].trained);
            let keeps = self.slots[k].backward;
            dies[k] = if keeps && reads_y { 2 * n - k } else { k };
            let mut operand = 0;
            while operand < 2 {
                let value = if operand == 0 { Some(nodes[k].from) } else { nodes[k].second };
                if let Some(value) = value
                    && let Some(from) = value.node()
                {
                    let read = if keeps && reads_x { 2 * n - k } else { k };
                    if read > dies[from] {
                        dies[from] = read;
                    }
                    if self.slots[k].backward {
                        last_user[from] = k;
                    }
                }
                operand += 1;
            }
            k += 1;
        }
        if dies[n - 1] < n {
            dies[n - 1] = n;
        }
        (dies, last_user)
    }

    /// Places the gradients of the operands of layer `k`, unless they have their places already.
    const fn lay_gradients(
        &self,
        slots: &mut [Slot; N],
        memory: &mut Memory<N>,
        k: usize,
        last_user: &[usize; N],
    ) {
        let node = self.graph.nodes()[k];
        if let Some(from) = node.from.node()
            && slots[from].backward
            && last_user[from] == k
        {
            if node.layer.style(slots[k].trained).in_place {
                slots[k].shares_gradient = true;
                slots[from].dy = slots[k].dy;
            } else {
                slots[k].fresh[0] = true;
                slots[from].dy = memory.place(slots[from].y.len as u64);
            }
        }
        if let Some(second) = node.second
            && let Some(from) = second.node()
            && slots[from].backward
            && last_user[from] == k
        {
            slots[k].fresh[1] = true;
            slots[from].dy = memory.place(slots[from].y.len as u64);
        }
    }
}

/// Frees the place of a value that nobody reads after `now`.
const fn release<const N: usize>(
    slots: &[Slot; N],
    memory: &mut Memory<N>,
    value: Value,
    dies: &[usize; N],
    now: usize,
) {
    if let Some(node) = value.node()
        && dies[node] == now
    {
        memory.free(slots[node].y);
    }
}
