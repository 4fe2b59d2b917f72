//! What a layer works on: the places of its operands, its output and their gradients.

use crate::graph::{Node, Value};
use crate::layer::{Kind, Uses};
use crate::plan::{Net, Slot};
use crate::shape::{Span, cut};

/// The second operand of a layer, in a binary that links layers of two operands.
#[inline(always)]
pub(super) fn second<S: Uses>(node: &Node) -> Option<Value> {
    if S::SET.has(Kind::Add) || S::SET.pairs() { node.second } else { None }
}

/// How many numbers the second operand of a layer has: as many as the output, in a sum.
#[inline(always)]
pub(super) fn second_len<S: Uses>(net: &Net<'_>, node: &Node, examples: usize) -> usize {
    if !S::SET.pairs() {
        return examples * node.output.size();
    }
    let from = node.second.and_then(Value::node).and_then(|from| net.nodes.get(from));
    examples * from.map_or(net.input, |from| from.output).size()
}

/// What a backward pass reads and writes: the input or the output of the layer, what it saved, the
/// gradient of its output, those of its first and second operand, and the second operand.
#[inline(always)]
pub(super) fn pieces<'a, S: Uses>(
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
