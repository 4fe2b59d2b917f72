//! Fills a 64×64 matrix with the identity, as a network's weights are filled, and tells its bits.

use crate::{Board, fingerprint::fingerprint};
use idinit::rule::{Dims, Exact, LengthError, Order, Start};

const RULE: Exact = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };
const DIMS: Dims = match Dims::dense(64, 64) {
    Ok(dims) => dims,
    Err(_) => unreachable!(),
};

/// A matrix of 64×64.
pub type Weights = [f32; 64 * 64];

/// The whole program.
pub fn run<B: Board>() -> ! {
    let mut weights = [f32::NAN; 64 * 64];
    match identity(&mut weights) {
        Ok(()) => fingerprint::<B>("identity-64x64", &weights),
        Err(_) => B::exit(1),
    }
    B::exit(0)
}

/// Writes the identity to `weights`.
pub fn identity(weights: &mut Weights) -> Result<(), LengthError> {
    RULE.fill(DIMS, weights)
}
