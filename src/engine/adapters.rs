//! Adapters added to the weights that they adapt, after which the network runs without them.

use super::{Buffer, Error, long};
use crate::graph::{Node, Role};
use crate::init::tensors;
use crate::math;

/// W + U D for each adapted layer, and all other weights as they are: from the weights of a network with adapters
/// ([`Graph::adapted`](crate::graph::Graph::adapted)), those of the network without.
///
/// # Errors
/// Where a length does not fit.
pub fn merge_adapters(adapted: &[Node], weights: &[f32], plain: &mut [f32]) -> Result<(), Error> {
    let own = |tensor: &crate::init::Tensor<'_>| !tensor.node.is_adapter();
    let all: usize = tensors(adapted).map(|tensor| tensor.part.dims.len()).sum();
    let kept: usize = tensors(adapted).filter(own).map(|tensor| tensor.part.dims.len()).sum();
    long(Buffer::Weights, all, weights.len())?;
    long(Buffer::Weights, kept, plain.len())?;
    // where the numbers of the latest layer that is adapted begin, and the matrix that leads down
    let (mut at, mut layer, mut number, mut down) = (0, 0, None, &[][..]);
    for tensor in tensors(adapted) {
        let numbers = math::run(weights, tensor.start, tensor.part.dims.len()).unwrap_or_default();
        match tensor.node.role {
            Role::AdapterDown => down = numbers,
            Role::AdapterUp => {
                let rank = (tensor.part.dims.row()).max(1);
                let row = (down.len() / rank).max(1);
                let rows = plain.get_mut(layer..).unwrap_or_default().chunks_exact_mut(row);
                for (w, up) in rows.zip(numbers.chunks_exact(rank)) {
                    for (up, down) in up.iter().zip(down.chunks_exact(row)) {
                        w.iter_mut().zip(down).for_each(|(w, down)| *w += up * down);
                    }
                }
            }
            _ => {
                if number != Some(tensor.number) {
                    (layer, number) = (at, Some(tensor.number));
                }
                if let Some(plain) = plain.get_mut(at..).and_then(|p| p.get_mut(..numbers.len())) {
                    math::copy(plain, numbers);
                }
                at += numbers.len();
            }
        }
    }
    Ok(())
}
