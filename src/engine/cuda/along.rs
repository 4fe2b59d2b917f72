//! What linear layers do of the layer that follows them: one pass over the numbers instead of two.

use crate::layer::{Kind, Layer};
use crate::plan::Net;

/// Whether layer `number` also does the work of the layer behind it, which reads its output alone: a GELU, or a
/// sum in its place.
pub(super) fn takes_along(net: &Net<'_>, number: usize) -> Option<Kind> {
    let (node, slot) = (net.nodes.get(number)?, net.slots.get(number)?);
    let (next, behind) = (net.nodes.get(number + 1)?, net.slots.get(number + 1)?);
    let follows = node.layer.is_linear() && next.from.node() == Some(number);
    match next.layer.kind() {
        kind @ Kind::Gelu if follows => Some(kind),
        kind @ Kind::Add if follows && behind.y == slot.y => Some(kind),
        _ => None,
    }
}

/// Whether layer `number` sums the gradient of its bias as it takes its own through the GELU behind it.
pub(super) fn goes_through(net: &Net<'_>, number: usize) -> bool {
    let (Some(node), Some(slot)) = (net.nodes.get(number), net.slots.get(number)) else {
        return false;
    };
    let has_bias = match node.layer {
        Layer::Dense(layer) => layer.bias,
        Layer::Conv2d(layer) => layer.bias,
        _ => false,
    };
    let shares = net.slots.get(number + 1).is_some_and(|behind| behind.shares_gradient);
    takes_along(net, number) == Some(Kind::Gelu) && shares && has_bias && slot.trained.all()
}
