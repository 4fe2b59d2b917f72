//! χ, how a residual stage changes the variance of the gradient: the mean of ‖Jᵀ u‖² over u ~ N(0, I),
//! divided by the active inputs; J is the Jacobian of the stage, which keeps its shape (C.4, Fig. 12).
//!
//! Jᵀ u is the gradient of a table of zeros that is added to the input, when u · stage(x) is descended:
//! one dense layer with the weights u stands behind the stage, and the square of its output y is the
//! loss, so that the gradient is 2 y Jᵀ u exactly.

use crate::engine::{Engine, Error, Host};
use crate::graph::{Graph, Role};
use crate::init::{Scheme, fill};
use crate::layer::{Dense, Layer};
use crate::loss::Target;
use crate::plan::{Mode, Plan};
use crate::rule::{Dims, Key, Random, Start};
use crate::shape::Shape;
use crate::update::Sgd;
use std::{vec, vec::Vec};

/// What [`chi`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chi {
    /// Over active inputs (x > 0): ‖Jᵀ u‖² there, divided by their number.
    pub active: f64,
    /// Over all inputs.
    pub all: f64,
}

/// How many layers the graph of [`chi`] has for a stage of so many blocks.
pub const fn stage_nodes(blocks: usize) -> usize {
    1 + 5 * blocks + 2
}

/// A table, blocks relu(x + conv(relu(conv(x)))) of 3 × 3, and u.
fn probed<const N: usize>(shape: Shape, blocks: usize) -> Graph<N> {
    let mut g = Graph::draft(shape).positions().name("table");
    for _ in 0..blocks {
        let skip = g.here();
        g = g.conv2d(shape.channels, 3).role(Role::Branch).relu();
        g = g.conv2d(shape.channels, 3).role(Role::BranchEnd).add(skip).relu();
    }
    g.flatten().then(Layer::Dense(Dense { out: 1, bias: false })).squared_error()
}

/// χ of a stage of residual blocks without norms at its start: the mean over the inputs
/// `x`, `[count, shape]`, and over `probes` draws of u. `N` is [`stage_nodes`] of the blocks.
///
/// # Errors
/// Those of the engine: where `x` is no whole number of inputs, and where the gradient has grown too
/// large for f32. A graph that does not fit `N` or has no inputs is [`Error::Inference`].
pub fn chi<const N: usize>(
    shape: Shape,
    blocks: usize,
    scheme: &impl Scheme,
    x: &[f32],
    probes: u32,
) -> Result<Chi, Error> {
    let mode = Mode::train::<Sgd>().only(&["table"]);
    let Ok(plan) = Plan::checked(&probed::<N>(shape, blocks), mode, 1) else {
        return Err(Error::Inference);
    };
    let net = plan.net();
    let mut engine = Host::new(net, Sgd::default(), 2)?;
    let mut start = vec![0.0; net.weights()];
    fill(&net, scheme, &mut start);
    let (Some(table), Some(last)) = (net.slots().first(), net.slots().last()) else {
        return Err(Error::Inference);
    };
    table.weights.of_mut(&mut start).fill(0.0);
    let (mut chi, mut count) = (Chi { active: 0.0, all: 0.0 }, 0.0);
    for probe in 0..probes {
        normal(last.weights.of_mut(&mut start), probe);
        for x in x.chunks(shape.len()) {
            engine.restore(&start, &[], 0)?;
            let loss = engine.train(x, Target::Values(&[0.0]), 1.0)?;
            // the table went from 0 to −2 y Jᵀ u, and the loss is y²
            let moved = table.weights.of(engine.all_weights());
            let square = |g: f32| f64::from(g) * f64::from(g) / (4.0 * f64::from(loss));
            let active: Vec<f64> =
                moved.iter().zip(x).filter(|(_, x)| **x > 0.0).map(|(g, _)| square(*g)).collect();
            chi.active += active.iter().sum::<f64>() / active.len().max(1) as f64;
            chi.all += moved.iter().map(|g| square(*g)).sum::<f64>() / moved.len() as f64;
            count += 1.0;
        }
    }
    Ok(Chi { active: chi.active / count, all: chi.all / count })
}

/// Standard normal numbers, others for each probe.
fn normal(u: &mut [f32], probe: u32) {
    let key = Key { seed: u64::from(probe), tensor: u32::MAX };
    if let Ok(d) = Dims::dense(1, u.len() as u32) {
        // the lengths agree
        let _ = Random::normal(1.0, key).fill(d, u);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Exact;

    /// Every kernel at its centre tap, with a gain.
    struct Centre(f32);
    impl Scheme for Centre {
        type Start = Exact;
        fn start(&self, site: &crate::init::Site<'_>) -> Exact {
            match site.is_matrix() {
                true => Exact::Dirac { gain: self.0 },
                false => Exact::Zero,
            }
        }
    }

    #[test]
    fn of_a_stage_whose_jacobian_is_known() {
        // blocks x + g² x on x > 0, so χ = (1 + g²)^(2 · blocks) over active inputs
        const N: usize = stage_nodes(2);
        let shape = Shape::hwc(6, 6, 8);
        let x: Vec<f32> = (0..288).map(|i| if i % 2 == 0 { 1.0 + i as f32 } else { 0.0 }).collect();
        let chi = chi::<N>(shape, 2, &Centre(0.5), &x, 64).unwrap();
        let want = 1.25_f64 * 1.25 * 1.25 * 1.25;
        assert!((chi.active / want - 1.0).abs() < 0.05, "{chi:?}");
        assert!((chi.all / (want / 2.0) - 1.0).abs() < 0.05, "{chi:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let shape = Shape::hwc(4, 4, 2);
        let x = [1.0; 33];
        assert_eq!(chi::<3>(shape, 2, &Centre(1.0), &x, 1), Err(Error::Inference));
        let short = chi::<8>(shape, 1, &Centre(1.0), &x, 1);
        assert_eq!(short, Err(Error::Batch { got: 1, example: 32, most: 1 }));
    }
}
