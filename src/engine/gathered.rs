//! The whole gradient, gathered in memory behind the state of the update before a weight moves: to
//! clip it, to take a step in parts, or for an update that is chosen at run time.

use super::Error;
use crate::graph::Node;
use crate::layer::{PartKind, Uses};
use crate::math;
use crate::plan::{Net, Slot};
use crate::update::{Move, Moves, Step, Update};

/// The parts that were gathered for the next step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub count: u32,
    pub examples: u64,
}

impl Parts {
    /// These, and a part of so many examples.
    pub fn and(self, examples: usize) -> Self {
        Self { count: self.count + 1, examples: self.examples + examples as u64 }
    }

    /// The number of examples of a step that can be taken now.
    pub fn examples_of(self, net: &Net<'_>) -> Result<u64, Error> {
        match (self.count, net.step as u64) {
            (0, _) => Err(Error::NoParts),
            (_, 0) => Ok(self.examples),
            (_, step) if step == self.examples => Ok(step),
            _ => Err(Error::Parts { need: net.step, got: self.examples as usize }),
        }
    }

    /// What layers that draw lots know of a step: parts of one step have numbers of their own, in the
    /// uppermost bits.
    pub fn lots(self, step: u64) -> u64 {
        step | u64::from(self.count) << 48
    }
}

/// Calls `apply` for each trained weight of a layer, with its move, its numbers, their state and their
/// gradients, which are to be multiplied by the factor: `share`, and what clipping makes of it.
pub(super) fn apply<S: Uses, U: Update>(
    net: &Net<'_>,
    (update, step, share): (&U, Step, f32),
    weights: &mut [f32],
    state: &mut [f32],
    mut apply: impl FnMut(U::Move, [&mut [f32]; 2], &[f32], f32),
) {
    let (moves, each) = (Moves::of(update, step), update.state());
    let Some((state, gradient)) = state.split_at_mut_checked(net.trained * each) else { return };
    let gradient = gradient.get(..net.trained).unwrap_or_default();
    // in f64, where the squares of tame numbers cannot overflow
    let square: f64 = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
    let norm = math::sqrt_f64(square) as f32;
    let factor = share * update.factor(share * norm);
    let trained = |(_, slot): &(&Node, &Slot)| slot.trained.any() && slot.backward;
    for (node, slot) in net.nodes.iter().zip(net.slots).filter(trained) {
        let (mut w, mut s) = (slot.weights, slot.moved.times(each));
        let mut g = slot.moved;
        let mut part = 0;
        while let Some(weight) = node.layer.linked_part::<S>(node.input, part) {
            let len = weight.dims.len();
            if slot.trained.moves(weight.kind) {
                let how = match weight.kind {
                    PartKind::Weight | PartKind::Table => moves.matrix,
                    _ if node.layer.kind().is_scalar() => moves.scalar,
                    _ => moves.vector,
                };
                let numbers = [w.first(len).of_mut(weights), s.first(len * each).of_mut(state)];
                apply(how, numbers, g.first(len).of(gradient), factor);
                (g, s) = (g.after(len), s.after(len * each));
            }
            w = w.after(len);
            part += 1;
        }
    }
}

/// Moves weights by their gradients, each multiplied by the factor.
#[inline(always)]
pub(super) fn move_by<M: Move>(how: M, [w, state]: [&mut [f32]; 2], g: &[f32], factor: f32) {
    how.apply(w, state, g.iter().map(|g| g * factor));
}
