//! What dropout drops: a function of the seed, the step, the layer and the index, at the rate that was
//! asked for, and backward what was dropped forward.

use super::cases::{Case, ROOM, Trains, vector};
use super::runner::{Buffers, bits, infer, plan};
use super::token_layers::lot;
use idinit::engine::Engine;
use idinit::graph::Graph;
use idinit::loss::Target;
use idinit::update::Momentum;

/// The numbers of an example.
const COUNT: u32 = 4001;

/// A bias for each number, and behind it what drops some.
fn case(drop: impl Fn(Graph<ROOM>) -> Graph<ROOM>) -> Case {
    let graph = drop(vector(COUNT).positions()).squared_error();
    Case { name: "dropout", graph, planned: 3, batch: 2, trains: Trains::All, seed: 0 }
}

/// The factors of `batch` examples in step `step` of a run, as the gradients tell them: with one example,
/// loss (f · 1)² / n and weight 0, the gradient of a bias is 2 f² / n.
fn factors(case: &Case, seed: u64, step: u64) -> Vec<f64> {
    let plan = plan::<Momentum>(case);
    let n = COUNT as usize;
    let mut buffers = Buffers::new(&plan, &vec![0.0; n], f32::NAN);
    let mut engine = buffers.engine(&plan, Momentum::default());
    engine.seed(seed);
    let (x, zero) = (vec![1.0; n], vec![0.0; n]);
    for _ in 0..=step {
        engine.train(&x, Target::Values(&zero), 0.0).unwrap();
    }
    buffers.state.iter().map(|g| (f64::from(*g) * f64::from(COUNT) / 2.0).sqrt()).collect()
}

#[test]
fn numbers_are_dropped_by_their_lots_and_the_others_scaled() {
    for (probability, lost) in [(0.0, 0), (0.1, 6554), (0.5, 32768), (0.9999999, 65535)] {
        let case = case(|graph| graph.dropout(probability));
        for (seed, step) in [(0, 0), (7, 2), (u64::MAX - 5, 1)] {
            let words = [seed as u32, (seed >> 32) as u32];
            for (i, got) in factors(&case, seed, step).into_iter().enumerate() {
                // (the layer is the second)
                let kept = u32::from(lot(words, step, 1, i)) >= lost;
                let want = if kept { 65536.0 / (65536.0 - f64::from(lost)) } else { 0.0 };
                assert!((got - want).abs() <= 1e-6 * want, "p {probability}: {i} is {got}");
            }
        }
    }
}

/// Binomial: 4001 numbers in each of 8 steps, σ = √(p (1 − p) / 32008).
#[test]
fn as_many_are_dropped_as_was_asked_for() {
    for probability in [0.05, 0.3, 0.5, 0.8] {
        let case = case(|graph| graph.dropout(probability));
        let all = (0..8).flat_map(|step| factors(&case, 3, step));
        let dropped = all.filter(|f| *f == 0.0).count() as f64 / (8.0 * f64::from(COUNT));
        let p = f64::from(probability);
        let sigma = (p * (1.0 - p) / (8.0 * f64::from(COUNT))).sqrt();
        assert!((dropped - p).abs() < 4.0 * sigma, "{dropped}, not {p}");
    }
}

/// Of two halves, a quarter is left if they have nothing to do with each other: σ = √(3/16 / 4001).
#[test]
fn layers_steps_seeds_and_examples_draw_lots_of_their_own() {
    let one = case(|graph| graph.dropout(0.5));
    let kept = |factors: &[f64]| factors.iter().map(|f| *f > 0.0).collect::<Vec<bool>>();
    let first = kept(&factors(&one, 1, 0));
    let twice = case(|graph| graph.dropout(0.5).dropout(0.5));
    let both = |a: &[bool], b: &[bool]| {
        let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
        both as f64 / f64::from(COUNT)
    };
    let near = |share: f64| assert!((share - 0.25).abs() < 4.0 * 0.0069, "{share}");
    near(kept(&factors(&twice, 1, 0)).iter().filter(|kept| **kept).count() as f64 / 4001.0);
    near(both(&first, &kept(&factors(&one, 1, 1))));
    near(both(&first, &kept(&factors(&one, 2, 0))));
    near(both(&first, &kept(&factors(&one, 1 << 32, 0))));
    near(both(&first[1..], &first));
    near(both(&first[8..], &first));
    assert_eq!(kept(&factors(&one, 1, 0)), first);
}

#[test]
fn inference_drops_nothing() {
    let case = case(|graph| graph.dropout(0.5));
    let (w, x) = (vec![0.0; COUNT as usize], vec![0.7; COUNT as usize]);
    let y = infer(&plan::<Momentum>(&case), Momentum::default(), &w, &x);
    assert_eq!(bits(&y), bits(&x));
}
