//! Rectifiers that the layer before them does the work of, on the host and on the GPU: one pass over the numbers
//! instead of two.

use crate::layer::Kind;
use crate::plan::Net;
use crate::shape::Span;

/// Whether layer `number` also does the work of a rectifier that follows it in its place.
pub(super) fn rectified(net: &Net<'_>, number: usize) -> bool {
    let (Some(node), Some(slot)) = (net.nodes.get(number), net.slots.get(number)) else {
        return false;
    };
    let (Some(next), Some(behind)) = (net.nodes.get(number + 1), net.slots.get(number + 1)) else {
        return false;
    };
    node.layer.rectifies()
        && next.layer.kind() == Kind::Relu
        && next.from.node() == Some(number)
        && behind.y == slot.y
}

/// Whether layer `number` can mask its gradient by the rectifier behind it: the rectifier's gradient
/// becomes its own in place, and nothing that its backward pass writes lies over the mask.
pub(super) fn masks_before(net: &Net<'_>, number: usize) -> bool {
    let (Some(node), Some(slot)) = (net.nodes.get(number), net.slots.get(number)) else {
        return false;
    };
    let Some(behind) = net.slots.get(number + 1) else { return false };
    let apart = |span: Span| {
        let mask = behind.y;
        span.is_empty() || span.end() <= mask.start as usize || mask.end() <= span.start as usize
    };
    let dx = if slot.shares_gradient { Span::EMPTY } else { net.gradient(node.from) };
    let d_second = node.second.map_or(Span::EMPTY, |second| net.gradient(second));
    let reads = [net.value(node.from), node.second.map_or(Span::EMPTY, |v| net.value(v))];
    slot.backward
        && behind.shares_gradient
        && apart(dx)
        && apart(d_second)
        && apart(slot.dy)
        && apart(slot.saved)
        && (!node.layer.style(slot.trained).reads_x || reads.into_iter().all(apart))
}

/// Whether sum `number` can mask its gradient by the rectifier behind it while it passes it on, number by
/// number: the gradient of its second operand lies apart from the mask, or number by number over it.
#[cfg(feature = "cuda")]
pub(super) fn sum_masks(net: &Net<'_>, number: usize) -> bool {
    let (Some(node), Some(slot)) = (net.nodes.get(number), net.slots.get(number)) else {
        return false;
    };
    let Some(behind) = net.slots.get(number + 1) else { return false };
    let d_second = node.second.map_or(Span::EMPTY, |second| net.gradient(second));
    let mask = behind.y;
    let apart = |span: Span| {
        span.is_empty() || span.end() <= mask.start as usize || mask.end() <= span.start as usize
    };
    slot.backward
        && behind.shares_gradient
        && (d_second == mask || apart(d_second))
        && apart(slot.dy)
}
