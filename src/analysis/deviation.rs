//! The standard deviation of the signal behind each layer of a network at its start (C.2, Fig. 10).

use crate::engine::{Engine, Error, Host};
use crate::graph::Graph;
use crate::init::Scheme;
use crate::plan::{Mode, Plan};
use crate::train::lsuv::up_to;
use crate::update::Sgd;
use std::{vec, vec::Vec};

/// √(mean((y − mean(y))²)) over the outputs of the layers `which`, for the inputs `x`,
/// `[batch, input]`. Layers that the graph does not have are left out.
///
/// # Errors
/// Those of the engine, such as a batch that is no whole number of inputs.
pub fn deviations<const N: usize>(
    graph: &Graph<N>,
    scheme: &impl Scheme,
    x: &[f32],
    which: &[usize],
) -> Result<Vec<f64>, Error> {
    let batch = x.len() / graph.input_shape().len().max(1);
    let mut found = vec![];
    // the start is that of the whole network, whatever layer is looked at
    let Ok(whole) = Plan::checked(graph, Mode::INFER, batch.max(1)) else {
        return Err(Error::Inference);
    };
    let mut weights = vec![0.0; whole.weights];
    crate::init::fill(&whole.net(), scheme, &mut weights);
    for &last in which.iter().filter(|last| **last < graph.nodes().len()) {
        let net = up_to(&whole.net(), last);
        let Some(node) = net.nodes().last() else { continue };
        let mut y = vec![0.0; batch * node.output.len()];
        let mut engine = Host::new(net, Sgd::default(), 2)?;
        engine.all_weights_mut().copy_from_slice(&weights);
        engine.infer(x, &mut y)?;
        found.push(deviation(&y));
    }
    Ok(found)
}

/// √(mean((y − mean(y))²)).
pub(super) fn deviation(y: &[f32]) -> f64 {
    let count = y.len() as f64;
    let mean = y.iter().map(|&y| f64::from(y)).sum::<f64>() / count;
    let square = y.iter().map(|&y| (f64::from(y) - mean) * (f64::from(y) - mean)).sum::<f64>();
    libm::sqrt(square / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::IdInit;
    use crate::shape::Shape;

    #[test]
    fn identities_keep_it_and_a_rectifier_halves_the_signal() {
        const NET: Graph<3> = Graph::input(Shape::vector(2)).dense(4).dense(2).relu();
        let x = [1.0, -1.0, 3.0, -3.0];
        let found = deviations(&NET, &IdInit { first: 1.0, ..IdInit::PAPER }, &x, &[0, 1, 2, 9]);
        // 1, −1, 3, −3 twice and once; then 1, 0, 3, 0
        let want = [5.0_f64, 5.0, 1.5].map(libm::sqrt);
        assert_eq!(found.unwrap(), want);
    }
}
