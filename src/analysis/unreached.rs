//! The share of a layer's weights that no gradient has reached: those whose velocity is still exactly
//! zero after some steps with momentum (Fig. 4).

use crate::engine::Host;
use crate::graph::Node;
use crate::update::Momentum;

/// For each layer that `is` it, its number, how many trained weights its matrix has, and how many of
/// them have a velocity of exactly zero. The engine has taken steps with momentum and without decay:
/// a velocity is a sum of gradients then, so that it is zero where all of them were.
pub fn unreached(
    engine: &Host<'_, Momentum>,
    is: impl Fn(&Node) -> bool,
) -> impl Iterator<Item = (usize, usize, usize)> {
    let net = *engine.net();
    let nodes = net.nodes().iter().zip(net.slots()).enumerate();
    let layers = nodes.filter(move |(_, (node, slot))| slot.trained.all() && is(node));
    layers.filter_map(move |(number, (node, slot))| {
        let count = node.layer.part(node.input, 0)?.dims.len();
        let velocity = slot.moved.of(engine.update_state()).get(..count)?;
        Some((number, count, velocity.iter().filter(|v| **v == 0.0).count()))
    })
}
