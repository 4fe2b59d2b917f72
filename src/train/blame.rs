//! Where the first number that is not finite comes from, when a step was refused: the data, a
//! weight, or what a layer computes.

use super::lsuv::up_to;
use crate::engine::{Engine, Memory, Portable};
use crate::layer::All;
use crate::plan::Net;
use crate::update::Sgd;
use std::{vec, vec::Vec};

/// What is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// A number of the data.
    Data {
        /// Which example of the batch, from 0.
        example: usize,
    },
    /// A weight.
    Weight {
        /// The number of its layer.
        node: usize,
    },
    /// What a layer puts out, though what comes in is finite.
    Output {
        /// The number of the layer.
        node: usize,
    },
}

/// What is not finite in a step from the weights `w` on the inputs `x`, `[batch, input]`, if it can be
/// found again: batch norms are looked at with their running statistics.
pub fn blame(net: &Net<'_>, w: &[f32], x: &[f32]) -> Option<Blame> {
    let wrong = |numbers: &[f32]| numbers.iter().position(|number| !number.is_finite());
    if let Some(place) = wrong(x) {
        return Some(Blame::Data { example: place.checked_div(net.input().len())? });
    }
    let weights = net.slots().iter().map(|slot| w.get(slot.weights.range()).unwrap_or_default());
    if let Some((node, _)) = weights.enumerate().find(|(_, w)| wrong(w).is_some()) {
        return Some(Blame::Weight { node });
    }
    let examples = x.len().checked_div(net.input().len())?;
    let (mut weights, mut arena) = (w.to_vec(), vec![0.0; net.arena()]);
    let mut fails = |node: usize| -> Option<bool> {
        let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
        let part = up_to(net, node);
        let mut y: Vec<f32> = vec![0.0; examples * part.output().len()];
        let mut engine = Portable::<All, _>::new(part, Sgd::default(), memory).ok()?;
        engine.infer(x, &mut y).ok()?;
        Some(wrong(&y).is_some())
    };
    // the first that fails: what is not finite mostly stays so in all layers behind
    let (mut low, mut high) = (0, net.nodes().len().checked_sub(1)?);
    if !fails(high)? {
        return None;
    }
    while low < high {
        let middle = usize::midpoint(low, high);
        match fails(middle)? {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Some(Blame::Output { node: low })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::plan::{Mode, Plan};
    use crate::shape::Shape;

    const NET: Graph<4> =
        Graph::input(Shape::vector(2)).dense(3).dense(3).dense(3).dense(2).cross_entropy(0.0);
    static PLAN: Plan<4> = Plan::new(&NET, Mode::train::<Sgd>(), 2);

    #[test]
    fn data_weights_and_outputs_are_told_apart() {
        let net = PLAN.net();
        let (mut w, x) = (vec![1.0; PLAN.weights], [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(blame(&net, &w, &x), None);
        assert_eq!(blame(&net, &w, &[1.0, 1.0, f32::NAN, 1.0]), Some(Blame::Data { example: 1 }));
        let third = net.slots()[2].weights.start as usize;
        w[third] = f32::INFINITY;
        assert_eq!(blame(&net, &w, &x), Some(Blame::Weight { node: 2 }));
        w[third] = 1.0;
        w[net.slots()[1].weights.start as usize..third].fill(f32::MAX);
        assert_eq!(blame(&net, &w, &x), Some(Blame::Output { node: 1 }));
    }
}
