//! All layers forward, wherever their weights are.

use super::pieces::{second, second_len};
use crate::graph::Node;
use crate::layer::{Chance, Forward, Uses};
use crate::math;
use crate::plan::{Net, Slot};
use crate::shape::{Span, cut};

/// All layers forward: `run` computes each, and has its weights. The output then lies in the arena,
/// at the place that is returned.
#[inline(always)]
pub(in crate::engine) fn forward<S: Uses, E>(
    net: &Net<'_>,
    arena: &mut [f32],
    (input, examples, training): (&[f32], usize, bool),
    mut chance: Chance,
    mut run: impl FnMut(&Node, &Slot, Forward<'_>) -> Result<(), E>,
) -> Result<Span, E> {
    let mut output = Span::EMPTY;
    for (node, slot) in net.nodes.iter().zip(net.slots) {
        let y = slot.y.first(examples * node.output.size());
        let x = net.value(node.from).first(examples * node.input.size());
        let second_span = match second::<S>(node) {
            Some(second) => net.value(second).first(second_len::<S>(net, node, examples)),
            None => Span::EMPTY,
        };
        let saved = if training { slot.saved } else { Span::EMPTY };
        // in place, the output's place holds the input already
        let in_place = node.layer.works_in_place::<S>();
        let shared = in_place && x.start == y.start && !x.is_empty();
        let x = if shared { Span::EMPTY } else { x };
        output = y;
        let [y, x, second_operand, saved, _] = cut(arena, [y, x, second_span, saved, Span::EMPTY]);
        let x = if node.from.node().is_none() { input } else { &*x };
        let second = match second::<S>(node) {
            Some(second) if second.node().is_none() => input,
            _ => &*second_operand,
        };
        if in_place && !shared {
            math::copy(y, x);
        }
        let (input, output) = (&node.input, &node.output);
        let w = &[];
        run(node, slot, Forward { input, output, x, second, w, saved, y, chance: &chance })?;
        if S::SET.draws() {
            chance.node += 1;
        }
    }
    Ok(output)
}
