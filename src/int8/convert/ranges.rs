//! Between which numbers the values of a network lie, seen on data.

use super::ConvertError;
use crate::graph::{Node, Value};
use crate::layer::{All, Chance, Forward, Trained};
use std::vec::Vec;

/// The least and the largest number of each value of a network, 0 among them, over the examples seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    /// Of the input, then of what each layer puts out.
    values: Vec<[f32; 2]>,
    seen: u64,
}

impl Ranges {
    /// The ranges of the values of some layers, before an example is seen.
    pub fn new(nodes: &[Node]) -> Self {
        Self { values: std::vec![[0.0; 2]; nodes.len() + 1], seen: 0 }
    }

    /// Runs one example through the network in f32, and widens the ranges by it.
    ///
    /// # Errors
    /// Where a length does not fit, or a number is not finite.
    pub fn see(&mut self, nodes: &[Node], weights: &[f32], x: &[f32]) -> Result<(), ConvertError> {
        let (need, got) = (self.values.len(), nodes.len() + 1);
        if need != got {
            return Err(ConvertError::Length { need, got });
        }
        let values = forward(nodes, weights, x)?;
        for (number, (range, value)) in self.values.iter_mut().zip(&values).enumerate() {
            for x in value {
                if !x.is_finite() {
                    return Err(ConvertError::NotFinite { node: number.checked_sub(1) });
                }
                *range = [range[0].min(*x), range[1].max(*x)];
            }
        }
        self.seen += 1;
        Ok(())
    }

    /// How many examples were seen.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// The least and the largest number of a value.
    pub(super) fn of(&self, value: usize) -> Result<[f32; 2], ConvertError> {
        match self.seen {
            0 => Err(ConvertError::NoData),
            _ => self
                .values
                .get(value)
                .copied()
                .ok_or(ConvertError::Length { need: value + 1, got: self.values.len() }),
        }
    }
}

/// All values of a network for one example, in f32: the input, then what each layer puts out.
///
/// # Errors
/// Where the input or the weights have another length.
pub fn forward(nodes: &[Node], weights: &[f32], x: &[f32]) -> Result<Vec<Vec<f32>>, ConvertError> {
    let need = nodes.first().map_or(0, |node| node.input.len());
    if x.len() != need {
        return Err(ConvertError::Length { need, got: x.len() });
    }
    let need = crate::init::tensors(nodes).map(|tensor| tensor.part.dims.len()).sum();
    if weights.len() != need {
        return Err(ConvertError::Weights { need, got: weights.len() });
    }
    let mut values = std::vec![x.to_vec()];
    go_on(nodes, weights, &mut values);
    Ok(values)
}

/// The values behind those that are there, the input first: with the first values of
/// [`forward`](super::forward), of which the last may be replaced by what int8 makes of it.
pub fn go_on(nodes: &[Node], weights: &[f32], values: &mut Vec<Vec<f32>>) {
    let mut rest = weights;
    let at = |value: Value| value.node().map_or(0, |node| node + 1);
    let there = values.len();
    for (number, node) in nodes.iter().enumerate() {
        let count = parts(node).iter().sum();
        let (w, later) = rest.split_at_checked(count).unwrap_or_default();
        rest = later;
        if number + 1 < there {
            continue;
        }
        let x = values.get(at(node.from)).map_or(&[][..], Vec::as_slice);
        let second = node.second.and_then(|second| values.get(at(second)));
        let mut y = std::vec![0.0; node.output.len()];
        let in_place = node.layer.style(Trained::Nothing).in_place;
        if in_place {
            y.copy_from_slice(x);
        }
        let io = Forward {
            input: &node.input,
            output: &node.output,
            x: if in_place { &[] } else { x },
            second: second.map_or(&[], Vec::as_slice),
            w,
            saved: &mut [],
            y: &mut y,
            chance: &Chance::NONE,
        };
        node.layer.forward::<All>(io);
        values.push(y);
    }
}

/// How many numbers each weight of a layer has.
pub(super) fn parts(node: &Node) -> Vec<usize> {
    (0..).map_while(|part| node.layer.part(node.input, part)).map(|part| part.dims.len()).collect()
}
