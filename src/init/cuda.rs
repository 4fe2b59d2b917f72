//! A start by kernels: weights whose rule the GPU has are computed there, index by index, to the same bits.
//! The others are computed here, one weight at a time, and sent.

use super::{Facts, Scheme, Site};
use crate::gpu::{Argument, Error, Grid, Numbers, Queue, Sizes};
use crate::layer::All;
use crate::plan::Net;
use crate::rule::{Dims, Exact, Fill, Order, Random, Rule};
use std::vec::Vec;

/// A kernel and its arguments, behind the weights and before their number.
type Call = (&'static str, Vec<Argument>);

/// The kernel of an exact rule.
fn exact(rule: Exact, d: Dims) -> Option<Call> {
    let order = |order| match order {
        Order::SpatialMajor => 0u32,
        Order::ChannelMajor => 1,
        Order::Diagonal => 2,
    };
    let sized = |kernel, order: u32, gain: f32| {
        let sizes = Sizes { inp: d.inp(), kernel: d.kernel(), group: d.out() / d.groups().max(1) };
        Some((kernel, std::vec![sizes.into(), order.into(), gain.into()]))
    };
    match rule {
        Exact::Zero => Some(("fill", std::vec![0.0f32.into()])),
        Exact::Constant { value } => Some(("fill", std::vec![value.into()])),
        Exact::Identity { gain, order: of } => sized("rule_identity", order(of), gain),
        Exact::ZeroPreserving { eps, order: of } => sized("rule_zero_preserving", order(of), eps),
        Exact::Dirac { gain } => sized("rule_dirac", 0, gain),
        Exact::DiracZero { eps } => sized("rule_dirac_zero", 0, eps),
        Exact::Hadamard { gain } => match rule.hadamard_gain(d) {
            Some(gain) => sized("rule_hadamard", 0, gain),
            None => sized("rule_dirac", 0, gain),
        },
    }
}

/// The kernel of a rule, where there is one.
fn kernel(rule: Rule, d: Dims) -> Option<Call> {
    match rule {
        Rule::Exact(rule) => exact(rule, d),
        Rule::Random(Random::Uniform { bound, key }) => {
            let (low, high) = (key.seed as u32, (key.seed >> 32) as u32);
            let all = [bound.into(), low.into(), high.into(), key.tensor.into()];
            Some(("rule_uniform", all.to_vec()))
        }
        Rule::Random(_) => None,
    }
}

/// Writes the start of every weight of a network to the device. Returns how many numbers were sent.
pub(crate) fn fill(
    queue: &Queue,
    net: &Net<'_>,
    scheme: &impl Scheme,
    weights: Numbers,
) -> Result<usize, Error> {
    let (facts, nodes) = (Facts::of(net.nodes()), net.nodes());
    let (mut buffer, mut sent) = (Vec::new(), 0);
    for (number, (node, slot)) in nodes.iter().zip(net.slots()).enumerate() {
        let (mut rest, mut part_number) = (slot.weights, 0);
        while let Some(part) = node.layer.linked_part::<All>(node.input, part_number) {
            let (len, d) = (part.dims.len(), part.dims);
            let site = Site { facts: &facts, nodes, number, node, part, part_number };
            let rule = match site.is_table() {
                true => Some(scheme.table(&site)),
                false => scheme.start(&site).rule(),
            };
            let w = weights.of(rest.first(len));
            if let Some((name, more)) = rule.and_then(|rule| kernel(rule, d)) {
                let mut all = std::vec![Argument::from(w)];
                all.extend(more);
                all.push(len.into());
                queue.launch(name, Grid::each(len), all)?;
            } else {
                buffer.clear();
                buffer.resize(len, 0.0);
                // the lengths agree, because both come from the dimensions
                let _ = match rule {
                    Some(rule) => rule.fill_f32(d, &mut buffer),
                    None => scheme.start(&site).fill_f32(d, &mut buffer),
                };
                queue.write(w, &buffer)?;
                sent += len;
            }
            rest = rest.after(len);
            part_number += 1;
        }
    }
    Ok(sent)
}
