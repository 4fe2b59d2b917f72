//! What the engine puts out is what the definition says, and so is the loss.

use super::cases::cases;
use super::definition;
use super::runner::{Numbers, gradient, infer, inference, plan, wide};
use super::tolerance::{Against, close, tolerance};
use idinit::update::Momentum;

#[test]
fn inference_is_the_definition() {
    for case in cases() {
        let Numbers { w, x, .. } = Numbers::of(&case);
        let values = definition::values(&case.graph, &wide(&w), &wide(&x), &|_| false);
        let allowed = tolerance(Against::Output, case.graph.nodes());
        let most = values.iter().flatten().fold(0.0, |most: f64, value| most.max(value.abs()));
        for plan in [inference(&case), plan::<Momentum>(&case)] {
            let y = infer(&plan, Momentum::default(), &w, &x);
            close(case.name, &wide(&y), values.last().unwrap(), allowed, most);
        }
    }
}

#[test]
fn the_loss_is_the_definition() {
    for case in cases() {
        let numbers = Numbers::of(&case);
        let (loss, _) = gradient(&case, &numbers);
        let plan = plan::<Momentum>(&case);
        let want = definition::loss_of(
            &case.graph,
            &wide(&numbers.w),
            &wide(&numbers.x),
            numbers.wanted.target(),
            &definition::in_training(case.graph.nodes(), plan.net().slots()),
        );
        // a loss is a sum of numbers about as large as 1
        let allowed = tolerance(Against::Loss, case.graph.nodes());
        close(case.name, &[f64::from(loss)], &[want], allowed, 1.0);
    }
}
