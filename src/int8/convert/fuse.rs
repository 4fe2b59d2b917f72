//! Which layers become one: norms go into the weights before them, rectifiers become the end of the layer
//! before them, and what computes nothing is left out.

use super::ConvertError;
use super::ranges::parts;
use crate::graph::{Node, Value};
use crate::layer::Layer;
use crate::math;
use std::vec::Vec;

/// Layers that become one.
pub(super) struct Group {
    /// The layer that computes.
    pub node: usize,
    /// The last of them: its output is the group's.
    pub last: usize,
    /// The rectifier at its end.
    pub relu: bool,
    /// Weights and biases of a dense layer or a convolution, norms folded in.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
    /// Whether a norm changed the weights.
    pub folded: bool,
    /// The groups (from 1 on; 0 is the input) that it takes.
    pub from: usize,
    pub second: usize,
}

/// The groups of a network while they are found.
struct Groups<'a> {
    nodes: &'a [Node],
    /// How many layers take each value.
    users: Vec<usize>,
    groups: Vec<Group>,
    /// The group of each value, from 1 on; none where it lies within one.
    of: Vec<Option<usize>>,
    /// Whether one layer alone takes what the group of the value put out.
    sole: Vec<bool>,
}

impl Groups<'_> {
    /// A layer becomes part of the group before it.
    fn join(&mut self, number: usize, value: usize, group: usize) {
        if let Some(group) = self.groups.get_mut(group.wrapping_sub(1)) {
            group.last = number;
        }
        self.of.push(Some(group));
        self.sole.push(self.users[number + 1] == 1 && self.sole[value]);
    }

    /// The layer of a group.
    fn layer(&self, group: usize) -> Option<&Layer> {
        self.groups.get(group.checked_sub(1)?).map(|group| &self.nodes[group.node].layer)
    }

    /// The group whose end a rectifier becomes that takes a value of this group.
    ///
    /// A maximum and a rectifier commute, so that it may be the layer before the maximum.
    fn rectified(&self, value: usize, group: usize) -> Option<usize> {
        match self.layer(group).filter(|_| self.sole[value])? {
            Layer::Dense(_) | Layer::Conv2d(_) | Layer::Add(_) => Some(group),
            Layer::MaxPool(_) => {
                let before = self.groups[group - 1].from;
                let value = self.groups.get(before.checked_sub(1)?)?.last + 1;
                self.rectified(value, before)
            }
            _ => None,
        }
    }
}

/// The groups of a network, in the order in which they compute.
pub(super) fn groups(nodes: &[Node], weights: &[f32]) -> Result<Vec<Group>, ConvertError> {
    let mut all = Groups {
        nodes,
        users: users(nodes),
        groups: Vec::new(),
        of: std::vec![Some(0)],
        sole: std::vec![false],
    };
    let mut start = 0;
    for (number, node) in nodes.iter().enumerate() {
        let count: usize = parts(node).iter().sum();
        let w = weights.get(start..start + count).unwrap_or_default();
        start += count;
        if w.iter().any(|w| !w.is_finite()) {
            return Err(ConvertError::NotFinite { node: Some(number) });
        }
        let place = |value: Value| value.node().map_or(0, |node| node + 1);
        let value = place(node.from);
        let within = ConvertError::Within { node: number };
        let from = all.of[value].ok_or(within)?;
        let mut group = Group {
            node: number,
            last: number,
            relu: false,
            weights: Vec::new(),
            bias: Vec::new(),
            folded: false,
            from,
            second: 0,
        };
        match &node.layer {
            Layer::Flatten(_) | Layer::Dropout(_) => {
                all.join(number, value, from);
                continue;
            }
            Layer::BatchNorm(norm) => {
                let linear = matches!(all.layer(from), Some(Layer::Dense(_) | Layer::Conv2d(_)));
                let sound = linear && all.sole[value] && !all.groups[from - 1].relu;
                if !sound {
                    return Err(ConvertError::Norm { node: number });
                }
                fold(&mut all.groups[from - 1], node.input.channels as usize, norm.eps, w);
                all.of[value] = None;
                all.join(number, value, from);
                continue;
            }
            Layer::Relu(_) | Layer::MaskedRelu(_) => {
                if let Some(end) = all.rectified(value, from) {
                    all.groups[end - 1].relu = true;
                    all.of[value] = None;
                    all.join(number, value, from);
                    continue;
                }
            }
            Layer::Dense(_) | Layer::Conv2d(_) => {
                let (matrix, b) = w.split_at(parts(node)[0]);
                group.weights = matrix.to_vec();
                group.bias = match b {
                    [] => std::vec![0.0; node.output.channels as usize],
                    b => b.to_vec(),
                };
            }
            Layer::Add(_) => {
                let second = node.second.map_or(0, place);
                group.second = all.of[second].ok_or(within)?;
            }
            Layer::MaxPool(_) | Layer::AveragePool(_) | Layer::GlobalAveragePool(_) => {}
            other => return Err(ConvertError::Layer { node: number, kind: other.kind() }),
        }
        all.groups.push(group);
        all.of.push(Some(all.groups.len()));
        all.sole.push(all.users[number + 1] == 1);
    }
    Ok(all.groups)
}

/// How many layers take each value; the output of the network has one more.
fn users(nodes: &[Node]) -> Vec<usize> {
    let mut users = std::vec![0; nodes.len() + 1];
    let mut count = |value: Value| users[value.node().map_or(0, |node| node + 1)] += 1;
    for node in nodes {
        count(node.from);
        node.second.into_iter().for_each(&mut count);
    }
    if let Some(last) = users.last_mut() {
        *last += 1;
    }
    users
}

/// W ← W γ / √(σ² + ε), b ← (b − μ) γ / √(σ² + ε) + β, for γ, β, μ, σ² in `norm`.
fn fold(group: &mut Group, channels: usize, eps: f32, norm: &[f32]) {
    let row = group.weights.len() / channels.max(1);
    let parts: Vec<&[f32]> = norm.chunks(channels.max(1)).collect();
    let [gain, shift, mean, variance] = parts[..] else { return };
    let rows = group.weights.chunks_mut(row.max(1)).zip(&mut group.bias).enumerate();
    for (o, (row, bias)) in rows {
        let factor = f64::from(gain[o]) / math::sqrt_f64(f64::from(variance[o]) + f64::from(eps));
        for w in row {
            *w = (f64::from(*w) * factor) as f32;
        }
        *bias = ((f64::from(*bias) - f64::from(mean[o])) * factor + f64::from(shift[o])) as f32;
    }
    group.folded = true;
}
