//! Attention on the GPU, both as it streams over tiles and as batched products: heads and lines of tokens that
//! fill tiles or do not, against the portable engine.

use super::cases::{Case, ROOM, Trains, hwc};
use super::cuda::device;
use super::runner::{Numbers, gradient, infer, inference, plan, wide};
use super::tolerance::{Against, difference, tolerance};
use idinit::engine::{Cuda, CudaError, Engine};
use idinit::gpu::{self, Precision};
use idinit::graph::{Graph, Value};
use idinit::update::{Momentum, Sgd};

/// Tokens, heads, the width of a head, and whether they are causal. Tiles have 32 tokens, or 16 where heads
/// are wider than 64; heads wider than 128 do not stream.
const SIZES: [(u32, u32, u32, bool); 15] = [
    (1, 2, 8, true),
    (31, 1, 3, false),
    (33, 1, 1, true),
    (32, 2, 1, false),
    (65, 1, 8, true),
    (70, 2, 3, true),
    (65, 1, 33, false),
    (33, 1, 64, true),
    (70, 1, 64, false),
    (17, 2, 65, true),
    (33, 1, 65, false),
    (16, 1, 128, true),
    (34, 1, 128, false),
    (33, 1, 129, true),
    (5, 2, 130, false),
];

fn case(graph: Graph<ROOM>, batch: usize, seed: u64) -> Case {
    Case {
        name: "attention",
        graph: graph.finish().unwrap(),
        planned: batch + 1,
        batch,
        trains: Trains::All,
        seed,
    }
}

/// Attention over numbers that are trained one by one: their gradients are those of queries, keys and values.
fn plain((tokens, heads, width, causal): (u32, u32, u32, bool)) -> Graph<ROOM> {
    hwc(1, tokens, 3 * heads * width).positions().attention(heads, causal).squared_error()
}

/// The same over tokens some of which are padding.
fn masked((tokens, heads, width, causal): (u32, u32, u32, bool)) -> Graph<ROOM> {
    let rows = hwc(1, tokens, 1).padded_embedding(5, 3 * heads * width).positions();
    rows.masked_attention(heads, causal, Value::INPUT).squared_error()
}

/// Outputs, loss and gradients of the GPU.
fn on_gpu(case: &Case, numbers: &Numbers, precision: Precision, ordinal: usize) -> [Vec<f32>; 3] {
    let infers = inference(case);
    let engine = Cuda::with_precision(infers.net(), Sgd::default(), ordinal, precision);
    let mut engine = engine.unwrap();
    engine.restore(&numbers.w, &[], 0).unwrap();
    let mut y = vec![f32::NAN; case.batch * case.graph.output().len()];
    engine.infer(&numbers.x, &mut y).unwrap();
    let plan = plan::<Momentum>(case);
    let mut state = vec![0.0; plan.net().kept()];
    let engine = Cuda::with_precision(plan.net(), Momentum::default(), ordinal, precision);
    let mut engine = engine.unwrap();
    engine.restore(&numbers.w, &state, 0).unwrap();
    let loss = engine.train(&numbers.x, numbers.wanted.target(), 0.0).unwrap();
    engine.state(&mut state).unwrap();
    [y, vec![loss], state]
}

/// The same of the portable engine.
fn wanted(case: &Case, numbers: &Numbers) -> [Vec<f32>; 3] {
    let y = infer(&inference(case), Sgd::default(), &numbers.w, &numbers.x);
    let (loss, gradient) = gradient(case, numbers);
    [y, vec![loss], gradient]
}

/// Where the two differ.
fn differences(
    case: &Case,
    numbers: &Numbers,
    precision: Precision,
    ordinal: usize,
) -> Vec<String> {
    let (got, want) = (on_gpu(case, numbers, precision, ordinal), wanted(case, numbers));
    let by = match precision {
        Precision::F32 => Against::CudaGradient,
        _ => Against::CudaTf32Attention,
    };
    let allowed = tolerance(by, case.graph.nodes());
    // a gradient is a mean over all outputs
    let scales = [1.0, 1.0, 1e-3];
    let each = got.iter().zip(&want).zip(scales);
    each.filter_map(|((got, want), scale)| difference(&wide(got), &wide(want), allowed, scale))
        .collect()
}

#[test]
fn heads_and_lines_that_fill_tiles_or_do_not() {
    let Some(device) = device() else { return };
    let mut wrong = vec![];
    for (i, sizes) in SIZES.into_iter().enumerate() {
        for (sort, graph) in [("plain", plain(sizes)), ("masked", masked(sizes))] {
            // examples lie at other places from the second on
            let case = case(graph, if sizes.0 < 64 { 2 } else { 1 }, 40 + i as u64);
            let all = differences(&case, &Numbers::of(&case), Precision::F32, device.ordinal);
            wrong.extend(all.into_iter().map(|why| (sort, sizes, why)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn products_of_rounded_factors_are_batched() {
    let Some(device) = device() else { return };
    for graph in [plain((9, 2, 8, true)), masked((33, 1, 4, false))] {
        let case = case(graph, 2, 3);
        let numbers = Numbers::of(&case);
        assert_eq!(
            differences(&case, &numbers, Precision::Tf32, device.ordinal),
            Vec::<String>::new()
        );
        let [streamed, batched] = [Precision::F32, Precision::Tf32]
            .map(|precision| on_gpu(&case, &numbers, precision, device.ordinal));
        assert_ne!(streamed, batched, "nothing was rounded");
    }
}

#[test]
fn gradients_are_added_to_those_of_another_reader() {
    let Some(device) = device() else { return };
    let g = hwc(1, 34, 12).positions();
    let x = g.here();
    let case = case(g.attention(2, true).concat(x).squared_error(), 2, 8);
    let numbers = Numbers::of(&case);
    assert_eq!(differences(&case, &numbers, Precision::F32, device.ordinal), Vec::<String>::new());
}

#[test]
fn a_query_that_looks_at_nothing_gives_zeros_and_has_no_gradient() {
    let Some(device) = device() else { return };
    for causal in [false, true] {
        let case = case(masked((35, 2, 3, causal)), 2, 5);
        let mut numbers = Numbers::of(&case);
        // nothing in the first example; in the second, what is there lies in the second tile
        numbers.x.fill(0.0);
        numbers.x[35 + 33] = 3.0;
        let [y, loss, g] = on_gpu(&case, &numbers, Precision::F32, device.ordinal);
        let (nothing, some) = y.split_at(35 * 6);
        assert!(nothing.iter().all(|&y| y == 0.0), "{nothing:?}");
        let seen: Vec<bool> = some.chunks(6).map(|y| y.iter().any(|&y| y != 0.0)).collect();
        let want: Vec<bool> = (0..35).map(|query| !causal || query >= 33).collect();
        assert_eq!(seen, want);
        assert!(loss[0].is_finite() && g.iter().all(|g| g.is_finite()));
        assert_eq!(
            differences(&case, &numbers, Precision::F32, device.ordinal),
            Vec::<String>::new()
        );
    }
}

#[test]
fn scores_of_any_size_are_safe_on_the_gpu() {
    let Some(device) = device() else { return };
    let case = case(plain((37, 1, 2, false)), 1, 6);
    let mut numbers = Numbers::of(&case);
    // e^10000 is no number of f32; the largest score comes first, last, and in the middle
    for token in [0, 20, 36] {
        numbers.x[6 * token..][..4].copy_from_slice(&[100.0, -90.0, 110.0, -120.0]);
    }
    let [y, loss, g] = on_gpu(&case, &numbers, Precision::F32, device.ordinal);
    assert!(y.iter().chain(&loss).chain(&g).all(|x| x.is_finite()));
    let [want, ..] = wanted(&case, &numbers);
    let allowed = tolerance(Against::CudaForward, case.graph.nodes());
    // a score of 23,000 is off by a whole thousandth
    assert_eq!(difference(&wide(&y), &wide(&want), 1e3 * allowed, 1.0), None);
}

#[test]
fn what_is_no_number_is_not_hidden_from_those_who_look_at_it() {
    let Some(device) = device() else { return };
    for (part, token) in [(0, 3), (1, 3), (2, 3), (1, 36), (2, 36)] {
        let case = case(plain((40, 1, 2, true)), 1, 7);
        let mut numbers = Numbers::of(&case);
        numbers.x[6 * token + 2 * part] = f32::NAN;
        let infers = inference(&case);
        let mut engine = Cuda::new(infers.net(), Sgd::default(), device.ordinal).unwrap();
        engine.restore(&numbers.w, &[], 0).unwrap();
        let mut y = vec![0.0; 80];
        engine.infer(&numbers.x, &mut y).unwrap();
        let want = infer(&infers, Sgd::default(), &numbers.w, &numbers.x);
        let hidden = y.iter().zip(&want).position(|(y, want)| want.is_nan() && !y.is_nan());
        assert_eq!(hidden, None, "part {part} of token {token}");
        // a weight of 0 times NaN is NaN: queries whose tile holds it see it too, but none in tiles before
        let before = y.chunks(2 * 32).take(token / 32).flatten();
        assert!(before.into_iter().all(|y| y.is_finite()), "part {part} of token {token}");
        assert!(y.iter().any(|y| y.is_nan()));
    }
}

#[test]
fn scores_of_a_long_line_take_no_memory_unless_factors_may_be_rounded() {
    let Some(device) = device() else { return };
    // two matrices of scores would be 512 GiB
    let graph = hwc(1, 1 << 16, 24).attention(8, true).squared_error();
    let case = case(graph, 1, 0);
    let plan = inference(&case);
    let with = |precision| {
        Cuda::with_precision(plan.net(), Sgd::default(), device.ordinal, precision).map(drop)
    };
    let refused = with(Precision::Tf32);
    assert!(matches!(refused, Err(CudaError::Gpu(gpu::Error::Memory { .. }))), "{refused:?}");
    with(Precision::F32).unwrap();
}
