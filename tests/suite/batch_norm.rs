//! What batch norm remembers: running statistics follow the batches where the layer is trained, and
//! stand still where it is frozen.

use super::cases::{Case, cases};
use super::definition;
use super::runner::{Numbers, bits, plan, step, wide};
use super::tolerance::{Against, close, tolerance};
use idinit::layer::Layer;
use idinit::update::{Clip, Momentum, Sgd, Update};

/// The weights after one step at rate 0: only running statistics may have moved.
fn after_step(case: &Case, update: impl Update) -> (Numbers, Vec<f32>) {
    let numbers = Numbers::of(case);
    let after = step(case, &numbers, update, 0.0, f32::NAN).weights;
    (numbers, after)
}

#[test]
fn running_statistics_follow_the_batch() {
    let mut norms = [0, 0];
    for case in cases().into_iter().filter(Case::has_batch_norm) {
        let (numbers, after) = after_step(&case, Momentum::default());
        let plan = plan::<Momentum>(&case);
        let slots = plan.net().slots();
        let (w, x) = (wide(&numbers.w), wide(&numbers.x));
        let values = definition::values(
            &case.graph,
            &w,
            &x,
            &definition::in_training(case.graph.nodes(), slots),
        );
        for (node, slot) in case.graph.nodes().iter().zip(slots) {
            let Layer::BatchNorm(norm) = node.layer else {
                let (after, before) = (slot.weights.of(&after), slot.weights.of(&numbers.w));
                assert_eq!(bits(after), bits(before), "{}", case.name);
                continue;
            };
            norms[usize::from(slot.trained.any())] += 1;
            let channels = node.input.channels as usize;
            let input = node.from.node().map_or(&x, |from| &values[from]);
            let mut want = slot.weights.of(&w).to_vec();
            for c in (0..channels).filter(|_| slot.trained.any()) {
                let (mean, variance) = definition::statistics(input, channels, c);
                let n = (input.len() / channels) as f64;
                // PyTorch: the running variance follows the unbiased one
                let unbiased = if n > 1.0 { variance * n / (n - 1.0) } else { variance };
                let m = f64::from(norm.momentum);
                want[2 * channels + c] += m * (mean - want[2 * channels + c]);
                want[3 * channels + c] += m * (unbiased - want[3 * channels + c]);
            }
            let allowed = tolerance(Against::Statistics, case.graph.nodes());
            close(case.name, &wide(slot.weights.of(&after)), &want, allowed, 1.0);
            if !slot.trained.any() {
                let before = slot.weights.of(&numbers.w);
                assert_eq!(bits(slot.weights.of(&after)), bits(before), "{}", case.name);
            }
        }
    }
    assert!(norms[0] >= 5 && norms[1] >= 5, "frozen and trained norms: {norms:?}");
}

#[test]
fn every_update_moves_running_statistics_alike() {
    for case in cases().into_iter().filter(Case::has_batch_norm) {
        let (_, momentum) = after_step(&case, Momentum::default());
        let (_, sgd) = after_step(&case, Sgd { decay: 0.1 });
        let (_, clip) = after_step(&case, Clip { update: Sgd::default(), most: 1e-3 });
        assert_eq!(bits(&sgd), bits(&momentum), "{}", case.name);
        assert_eq!(bits(&clip), bits(&momentum), "{}", case.name);
    }
}
