//! Tokens, padding and masks: what a case with generic numbers does not show.

use super::cases::{Case, ROOM, Trains, hwc};
use super::runner::{Buffers, Numbers, Wanted, bits, gradient, infer, inference, plan, step};
use idinit::engine::{Engine, Error};
use idinit::graph::{Graph, GraphError, Value};
use idinit::layer::Misfit;
use idinit::update::{Clip, Momentum, Sgd};

fn case(graph: Graph<ROOM>, batch: usize) -> Case {
    let trains = Trains::All;
    Case { name: "tokens", graph, planned: batch + 1, batch, trains, seed: 9 }
}

fn outputs(case: &Case, w: &[f32], x: &[f32]) -> Vec<f32> {
    infer(&inference(case), Sgd::default(), w, x)
}

#[test]
fn what_is_no_token_is_an_error_and_moves_nothing() {
    let case = case(hwc(1, 3, 1).embedding(4, 2).linear(2).squared_error(), 2);
    let numbers = Numbers::of(&case);
    for bad in [4.0, -1.0, 0.5, 16_777_216.0, 3e38, f32::INFINITY, f32::NAN] {
        let mut x = numbers.x.clone();
        x[4] = bad;
        let y = outputs(&case, &numbers.w, &x);
        let nan: Vec<usize> = (0..y.len()).filter(|&i| y[i].is_nan()).collect();
        assert_eq!(nan, [8, 9], "{bad}");
        let plan = plan::<Momentum>(&case);
        let mut buffers = Buffers::new(&plan, &numbers.w, f32::NAN);
        let mut engine = buffers.engine(&plan, Momentum::default());
        let error = engine.train(&x, numbers.wanted.target(), 0.1).unwrap_err();
        assert!(matches!(error, Error::Loss(_)), "{bad}: {error}");
        assert_eq!(bits(engine.all_weights()), bits(&numbers.w));
    }
}

/// y = E[x] in one number, loss Σ (y − t)² / 6: dE[r] = Σ (y − t) / 3 over the places of r.
#[test]
fn each_row_moves_by_the_sum_over_its_places() {
    let graph = hwc(1, 3, 1).padded_embedding(5, 1).squared_error();
    let numbers = Numbers {
        w: vec![7.0, 1.0, 2.0, 3.0, 4.0],
        x: vec![3.0, 1.0, 0.0, 3.0, 3.0, 2.0],
        wanted: Wanted::Values(vec![0.0, 4.0, 9.0, 1.5, 0.0, 2.0]),
    };
    let case = case(graph, 2);
    let (_, g) = gradient(&case, &numbers);
    let want = [0.0, -3.0 / 3.0, 0.0, (3.0 + 1.5 + 3.0) / 3.0, 0.0];
    assert!(g.iter().zip(want).all(|(g, want)| (g - want).abs() < 1e-6), "{g:?}");
    assert_eq!((g[0], g[4]), (0.0, 0.0));
    let y = outputs(&case, &numbers.w, &numbers.x);
    assert_eq!(y, [3.0, 1.0, 0.0, 3.0, 3.0, 2.0]);
}

#[test]
fn an_example_of_padding_alone_gives_zeros_and_has_no_gradient() {
    for causal in [false, true] {
        let graph = hwc(1, 3, 1).padded_embedding(4, 2).positions().linear(12);
        let graph = graph.masked_attention(2, causal, Value::INPUT).squared_error();
        let case = case(graph, 1);
        let mut numbers = Numbers::of(&case);
        numbers.x.fill(0.0);
        assert_eq!(outputs(&case, &numbers.w, &numbers.x), [0.0; 12]);
        let (loss, g) = gradient(&case, &numbers);
        assert!(loss.is_finite() && g.iter().all(|&g| g == 0.0), "{loss} {g:?}");
    }
}

/// Which tokens give other bits when the numbers of one are replaced.
fn changed(graph: Graph<ROOM>, token: usize) -> Vec<bool> {
    let case = case(graph, 1);
    let mut numbers = Numbers::of(&case);
    let before = outputs(&case, &numbers.w, &numbers.x);
    let width = case.graph.input_shape().channels as usize;
    numbers.x[token * width..][..width].fill(0.3);
    let after = outputs(&case, &numbers.w, &numbers.x);
    let width = case.graph.output().channels as usize;
    before.chunks(width).zip(after.chunks(width)).map(|(a, b)| bits(a) != bits(b)).collect()
}

#[test]
fn no_token_attends_to_a_later_one_if_causal() {
    let graph = |causal| hwc(1, 6, 6).attention(2, causal).squared_error();
    for token in 0..6 {
        let want: Vec<bool> = (0..6).map(|t| t >= token).collect();
        assert_eq!(changed(graph(true), token), want);
        assert_eq!(changed(graph(false), token), [true; 6]);
    }
}

#[test]
fn nobody_attends_to_padding() {
    let x = [1.0, 0.0, 2.0, 0.0, 5.0];
    let graph = hwc(1, 5, 1).linear(1).positions().linear(3);
    let graph = graph.masked_attention(1, false, Value::INPUT).squared_error();
    let case = case(graph, 1);
    let mut numbers = Numbers::of(&case);
    // the first layer hides the tokens, so that only the mask knows them
    numbers.w[..2].fill(0.0);
    let before = outputs(&case, &numbers.w, &x);
    for padding in [1, 3] {
        let mut w = numbers.w.clone();
        w[2 + padding] += 1.0;
        let after = outputs(&case, &w, &x);
        let others = (0..5).filter(|&t| t != padding);
        assert!(others.into_iter().all(|t| before[t].to_bits() == after[t].to_bits()), "{padding}");
    }
    let mut w = numbers.w.clone();
    w[2] += 1.0;
    let after = outputs(&case, &w, &x);
    assert!((0..5).all(|t| before[t].to_bits() != after[t].to_bits()));
}

#[test]
fn scores_of_any_size_are_safe() {
    let case = case(hwc(1, 3, 3).attention(1, false).positions().squared_error(), 1);
    let w = [0.0; 3];
    // (query, key, value) of each token; e^10000 is no number of f32
    let x = [100.0, 50.0, 1.0, -100.0, 100.0, 2.0, 0.0, -30.0, 6.0];
    assert_eq!(outputs(&case, &w, &x), [2.0, 6.0, 3.0]);
    let same = [1e4, 1e4, 1.0, 1e4, 1e4, 2.0, 1e4, 1e4, 6.0];
    assert_eq!(outputs(&case, &w, &same), [3.0; 3]);
    let numbers = Numbers { w: w.to_vec(), x: x.to_vec(), wanted: Wanted::Values(vec![0.0; 3]) };
    let (loss, g) = gradient(&case, &numbers);
    assert!(loss.is_finite() && g.iter().all(|g| g.is_finite()));
}

#[test]
fn a_clipped_step_moves_a_table_like_a_plain_one() {
    let case = case(hwc(1, 4, 1).padded_embedding(6, 3).linear(2).squared_error(), 2);
    let numbers = Numbers::of(&case);
    let momentum = Momentum { momentum: 0.5, decay: 0.125, nesterov: false };
    let plain = step(&case, &numbers, momentum, 0.1, f32::NAN).weights;
    let clip = Clip { update: momentum, most: f32::INFINITY };
    let clipped = step(&case, &numbers, clip, 0.1, f32::NAN).weights;
    assert_eq!(bits(&plain), bits(&clipped));
}

#[test]
fn what_does_not_fit_is_refused() {
    fn misfit(graph: Graph<ROOM>) -> Misfit {
        match graph.finish() {
            Err(GraphError::Layer { misfit, .. }) => misfit,
            other => panic!("{other:?}"),
        }
    }
    let draft = |h, w, c| Graph::draft(idinit::shape::Shape::hwc(h, w, c));
    assert_eq!(misfit(draft(2, 2, 2).embedding(3, 3)), Misfit::Tokens);
    assert_eq!(misfit(draft(2, 2, 1).embedding(0, 3)), Misfit::Zero);
    assert_eq!(misfit(draft(2, 2, 1).embedding((1 << 24) + 1, 1)), Misfit::TooLarge);
    assert_eq!(misfit(draft(2, 2, 2).select(4)), Misfit::Pixel);
    assert_eq!(misfit(draft(1, 4, 6).attention(0, false)), Misfit::Zero);
    assert_eq!(misfit(draft(1, 4, 5).attention(1, false)), Misfit::Heads);
    assert_eq!(misfit(draft(1, 4, 12).attention(3, true)), Misfit::Heads);
    let mask = |h, w, c| draft(h, w, c).linear(6).masked_attention(1, false, Value::INPUT);
    assert_eq!(misfit(mask(2, 2, 2)), Misfit::Operands);
    assert!(mask(2, 2, 1).finish().is_ok());
    assert_eq!(misfit(draft(4, 4, 2).max_pool(2).concat(Value::INPUT)), Misfit::Operands);
    assert_eq!(misfit(draft(4, 4, 2).linear(2).scale_channels(Value::INPUT)), Misfit::Operands);
    for probability in [-0.1, 1.0, f32::NAN] {
        assert_eq!(misfit(draft(1, 1, 4).dropout(probability)), Misfit::Setting);
    }
    for eps in [-1.0, f32::NAN, f32::INFINITY] {
        let norm = idinit::layer::Layer::RmsNorm(idinit::layer::RmsNorm { eps });
        assert_eq!(misfit(draft(1, 1, 4).then(norm)), Misfit::Setting);
    }
}
