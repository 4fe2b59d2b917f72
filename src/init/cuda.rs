//! A start by kernels: every weight that is a function of its index is computed on the GPU, to the bits of
//! the rule here. Orthogonal matrices are no such function, each of their numbers depends on all
//! others: they are computed here, one weight at a time, and sent.

use super::{Facts, Scheme, Site, Tensor, tensors};
use crate::gpu::{Argument, Error, Grid, Numbers, Queue, Sizes};
use crate::plan::Net;
use crate::rule::{Dims, Exact, Fill, Key, Order, Random, Rule, Scaled};
use std::vec::Vec;

/// A kernel and its arguments, behind the weights and before their number.
type Call = (&'static str, Vec<Argument>);

/// An order of columns, as `rule/cuda.cu` has it.
const fn number(order: Order) -> u32 {
    match order {
        Order::SpatialMajor => 0,
        Order::ChannelMajor => 1,
        Order::Diagonal => 2,
    }
}

const fn sizes(d: Dims) -> Sizes {
    let groups = if d.groups() == 0 { 1 } else { d.groups() };
    Sizes { inp: d.inp(), kernel: d.kernel(), group: d.out() / groups }
}

/// The kernel of an exact rule.
fn exact(rule: Exact, d: Dims) -> Call {
    let sized = |kernel, order: u32, gain: f32| {
        (kernel, std::vec![sizes(d).into(), order.into(), gain.into()])
    };
    match rule {
        Exact::Zero => ("fill", std::vec![0.0f32.into()]),
        Exact::Constant { value } => ("fill", std::vec![value.into()]),
        Exact::Identity { gain, order } => sized("rule_identity", number(order), gain),
        Exact::ZeroPreserving { eps, order } => sized("rule_zero_preserving", number(order), eps),
        Exact::Dirac { gain } => sized("rule_dirac", 0, gain),
        Exact::DiracZero { eps } => sized("rule_dirac_zero", 0, eps),
        Exact::Hadamard { gain } => match rule.hadamard_gain(d) {
            Some(gain) => sized("rule_hadamard", 0, gain),
            None => sized("rule_dirac", 0, gain),
        },
    }
}

/// The kernel of a rule with a seed.
fn random(rule: Random, d: Dims) -> Call {
    let drawn = |kernel, mut all: Vec<Argument>, key: Key| {
        let (low, high) = (key.seed as u32, (key.seed >> 32) as u32);
        let key: [Argument; 3] = [low.into(), high.into(), key.tensor.into()];
        all.extend(key);
        (kernel, all)
    };
    match rule {
        Random::Uniform { bound, key } => drawn("rule_uniform", std::vec![bound.into()], key),
        Random::Normal { std, key } => drawn("rule_normal", std::vec![std.into()], key),
        Random::TruncatedNormal { std, key } => {
            drawn("rule_truncated_normal", std::vec![std.into()], key)
        }
        Random::Loose { gain, order, std, key } => {
            let all = [sizes(d).into(), number(order).into(), gain.into(), std.into()];
            drawn("rule_loose", all.to_vec(), key)
        }
    }
}

/// Computes a weight on the device.
fn compute(queue: &Queue, rule: Rule, d: Dims, w: Numbers) -> Result<(), Error> {
    let (name, more) = match rule {
        Rule::Exact(rule) => exact(rule, d),
        Rule::Random(rule) => random(rule, d),
    };
    let mut all = std::vec![Argument::from(w)];
    all.extend(more);
    all.push(w.len().into());
    queue.launch(name, Grid::each(w.len()), all)
}

/// The same, where the numbers of all outputs from one on are scaled.
fn compute_scaled(queue: &Queue, scaled: Scaled, d: Dims, w: Numbers) -> Result<(), Error> {
    compute(queue, scaled.rule, d, w)?;
    let w = w.after(scaled.output.min(d.out()) as usize * d.row());
    if w.is_empty() {
        return Ok(());
    }
    let all: [Argument; 3] = [w.updated(), scaled.factor.into(), w.len().into()];
    queue.launch("rule_scaled", Grid::each(w.len()), all)
}

/// Writes one weight to the device. Returns how many numbers were sent.
fn write(
    queue: &Queue,
    start: &impl Fill,
    d: Dims,
    (w, buffer): (Numbers, &mut Vec<f32>),
) -> Result<usize, Error> {
    match (start.rule(), start.scaled()) {
        (Some(rule), _) => compute(queue, rule, d, w).map(|()| 0),
        (None, Some(scaled)) => compute_scaled(queue, scaled, d, w).map(|()| 0),
        (None, None) => {
            buffer.clear();
            buffer.resize(d.len(), 0.0);
            // the lengths agree, because both come from the dimensions
            let _ = start.fill_f32(d, buffer);
            queue.write(w, buffer).map(|()| d.len())
        }
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
    for Tensor { number, node, part, part_number, start } in tensors(nodes) {
        let d = part.dims;
        let site = Site { facts: &facts, nodes, number, node, part, part_number };
        let w = weights.after(start).first(d.len());
        if let Some(rule) = site.adapter() {
            compute(queue, rule.into(), d, w)?;
        } else if site.is_table() {
            compute(queue, scheme.table(&site), d, w)?;
        } else {
            sent += write(queue, &scheme.start(&site), d, (w, &mut buffer))?;
        }
    }
    Ok(sent)
}
