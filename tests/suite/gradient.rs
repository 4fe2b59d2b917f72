//! The gradient of every weight is that of the definition, by central differences in f64; and every
//! update is given the same gradients.

use super::cases::cases;
use super::definition;
use super::runner::{Numbers, bits, gradient, plan, step, wide};
use super::tolerance::{Against, close, difference, tolerance};
use idinit::layer::{Kind, Trained};
use idinit::update::{Clip, Momentum, Sgd};

/// The step of the differences.
const STEP: f64 = 1e-6;

#[test]
fn gradients_are_central_differences_of_the_definition() {
    let mut wrong = vec![];
    for case in cases() {
        let numbers = Numbers::of(&case);
        let (_, got) = gradient(&case, &numbers);
        let plan = plan::<Momentum>(&case);
        let slots = plan.net().slots();
        let in_training = definition::in_training(case.graph.nodes(), slots);
        let (mut w, x) = (wide(&numbers.w), wide(&numbers.x));
        let mut want = vec![];
        for (node, slot) in case.graph.nodes().iter().zip(slots) {
            let trained = definition::parts(node).into_iter().scan(0, |at, (len, purpose)| {
                *at += len;
                Some((*at - len..*at, purpose))
            });
            for (range, purpose) in trained {
                use definition::Purpose::{Bias, RunningMean, RunningVariance};
                let moves = match slot.trained {
                    Trained::Nothing => false,
                    Trained::Bias => matches!(purpose, Bias),
                    _ => !matches!(purpose, RunningMean | RunningVariance),
                };
                if !moves {
                    continue;
                }
                for i in range.map(|i| slot.weights.start as usize + i) {
                    let mut loss = |w_i: f64| {
                        let before = std::mem::replace(&mut w[i], w_i);
                        let target = numbers.wanted.target();
                        let loss = definition::loss_of(&case.graph, &w, &x, target, &in_training);
                        w[i] = before;
                        loss
                    };
                    let here = f64::from(numbers.w[i]);
                    want.push((loss(here + STEP) - loss(here - STEP)) / (2.0 * STEP));
                }
            }
        }
        let allowed = tolerance(Against::Differences, case.graph.nodes());
        let largest = want.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        // a net of one class has nothing to learn; all others do
        assert!(largest > 1e-3 || case.name == "one class only", "{}: {largest}", case.name);
        if let Some(difference) = difference(&wide(&got), &want, allowed, 1e-2) {
            wrong.push(format!("{}: {difference}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_update_is_given_the_same_gradients() {
    const RATE: f32 = 0.37;
    for case in cases() {
        let numbers = Numbers::of(&case);
        let (_, g) = gradient(&case, &numbers);
        let sgd = step(&case, &numbers, Sgd::default(), RATE, f32::NAN).weights;
        let momentum = Momentum { momentum: 0.9, ..Momentum::default() };
        let momentum = step(&case, &numbers, momentum, RATE, f32::NAN).weights;
        let free = Clip { update: Sgd::default(), most: f32::INFINITY };
        let clipped = step(&case, &numbers, free, RATE, f32::NAN).weights;
        assert_eq!(bits(&momentum), bits(&clipped), "{}", case.name);

        let plan = plan::<Momentum>(&case);
        for (node, slot) in case.graph.nodes().iter().zip(plan.net().slots()) {
            let [sgd, momentum] = [&sgd, &momentum].map(|after| slot.weights.of(after));
            let before = slot.weights.of(&numbers.w);
            // running statistics follow the batch, if the norm is trained; other weights that are
            // not trained stay
            let moved = slot.moved.of(&g);
            let stays = if slot.trained.all() { moved.len() } else { before.len() };
            // a bias that is trained alone ends the weights
            let first = if slot.trained == Trained::Bias { stays - moved.len() } else { 0 };
            let want = before.iter().enumerate().take(stays);
            let gradient = |i: usize| moved.get(i.checked_sub(first)?);
            let want: Vec<f32> =
                want.map(|(i, w)| gradient(i).map_or(*w, |g| w - RATE * g)).collect();
            assert_eq!(bits(&momentum[..stays]), bits(&want), "{}: {:?}", case.name, node.layer);
            if case.batch == 1 && node.layer.kind() == Kind::Dense {
                let allowed = tolerance(Against::OneExample, &[]);
                close(case.name, &wide(&sgd[..stays]), &wide(&want), allowed, 1.0);
            } else {
                assert_eq!(bits(&sgd[..stays]), bits(&want), "{}: {:?}", case.name, node.layer);
            }
        }
    }
}
