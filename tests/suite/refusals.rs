//! What does not fit is refused with its numbers, and nothing has moved.

use super::runner::{Buffers, bits};
use idinit::engine::{Buffer, Engine, Error, Memory, Portable};
use idinit::graph::{Graph, GraphError, Role};
use idinit::layer::{All, BatchNorm, Conv2d, Kind, Layer, LayerSet, MaxPool, Misfit, Uses};
use idinit::loss::{Loss, Target, TargetError};
use idinit::plan::{Mode, Plan, PlanError};
use idinit::shape::Shape;
use idinit::update::{
    AdaDelta, Adagrad, Adam, AdamW, Chosen, Clip, Grouped, Momentum, Sgd, Update,
};
use std::fmt::Display;

type Net = Graph<{ super::cases::ROOM }>;

fn labels() -> Net {
    Graph::input(Shape::vector(2)).dense(4).relu().dense(3).cross_entropy(0.0)
}

fn values() -> Net {
    Graph::input(Shape::vector(2)).dense(4).tanh().dense(3).squared_error()
}

const W: [f32; 27] = [0.25; 27];
const X: [f32; 4] = [1.0, -1.0, 0.5, 2.0];

/// What one step for a plan of 2 examples says; every number in memory must stay as it was, unless
/// `moves`.
fn refused<U: Update>(net: &Net, update: U, x: &[f32], target: Target<'_>, rate: f32) -> Error {
    let plan = Plan::new(net, Mode::train::<U>(), 2);
    let mut buffers = Buffers::new(&plan, &W, 0.0);
    let error = buffers.engine(&plan, update).train(x, target, rate).unwrap_err();
    assert_eq!(bits(&buffers.weights), bits(&W), "{error}");
    assert!(buffers.state.iter().all(|&s| s == 0.0), "{error}");
    error
}

fn says(error: impl Display, words: &str) {
    assert_eq!(error.to_string(), words);
}

#[test]
fn a_batch_is_one_to_the_most_examples() {
    let net = labels();
    for (x, label) in
        [(&X[..0], &[][..]), (&X[..1], &[0]), (&X[..3], &[0]), (&[0.0; 6], &[0, 0, 0])]
    {
        let error = refused(&net, Sgd::default(), x, Target::Labels(label), 0.1);
        assert_eq!(error, Error::Batch { got: x.len(), example: 2, most: 2 });
    }
    let plan = Plan::new(&net, Mode::INFER, 2);
    for x in [&X[..0], &X[..3], &[0.0; 6]] {
        let mut buffers = Buffers::new(&plan, &W, 0.0);
        let mut y = [7.0; 9];
        let error = buffers.engine(&plan, Sgd::default()).infer(x, &mut y).unwrap_err();
        assert_eq!(error, Error::Batch { got: x.len(), example: 2, most: 2 });
        assert_eq!(y, [7.0; 9]);
    }
    says(
        Error::Batch { got: 3, example: 2, most: 2 },
        "a batch is 1 to 2 examples of 2 numbers each, got 3 numbers",
    );
}

#[test]
fn outputs_need_exactly_their_room() {
    let net = labels();
    let plan = Plan::new(&net, Mode::INFER, 2);
    for got in [0, 5, 7] {
        let mut buffers = Buffers::new(&plan, &W, 0.0);
        let mut y = vec![7.0; got];
        let error = buffers.engine(&plan, Sgd::default()).infer(&X, &mut y).unwrap_err();
        assert_eq!(error, Error::Memory { buffer: Buffer::Output, need: 6, got });
        assert!(y.iter().all(|&y| y == 7.0));
    }
    let mut buffers = Buffers::new(&plan, &W, 0.0);
    let engine = buffers.engine(&plan, Sgd::default());
    let error = engine.weights(&mut [0.0; 26]).unwrap_err();
    assert_eq!(error, Error::Memory { buffer: Buffer::Weights, need: 27, got: 26 });
    let mut w = [0.0; 27];
    engine.weights(&mut w).unwrap();
    assert_eq!(w, W);
}

#[test]
fn a_target_fits_the_loss_and_the_batch() {
    fn step(net: &Net, target: Target<'_>) -> Error {
        refused(net, Sgd::default(), &X, target, 0.1)
    }
    let sort = Error::Target(TargetError::Sort);
    assert_eq!(step(&labels(), Target::Values(&[0.0; 6])), sort);
    assert_eq!(step(&values(), Target::Labels(&[0, 1])), sort);
    for few in [&[][..], &[0], &[0, 1, 2]] {
        let error = step(&labels(), Target::Labels(few));
        assert_eq!(error, Error::Target(TargetError::Length { need: 2, got: few.len() }));
    }
    for got in [0, 5, 7] {
        let error = step(&values(), Target::Values(&vec![0.0; got]));
        assert_eq!(error, Error::Target(TargetError::Length { need: 6, got }));
    }
    for label in [3, u32::MAX] {
        let error = step(&labels(), Target::Labels(&[2, label]));
        let wrong = TargetError::Label { example: 1, label, classes: 3 };
        assert_eq!(error, Error::Target(wrong));
    }
    says(
        TargetError::Label { example: 1, label: 3, classes: 3 },
        "example 1 has label 3, but there are 3 classes",
    );
}

#[test]
fn a_rate_is_a_number_in_its_range() {
    let most = idinit::engine::MOST_RATE;
    for rate in [-1e-9, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.001 * most, f32::MAX] {
        let error = refused(&labels(), Sgd::default(), &X, Target::Labels(&[0, 1]), rate);
        let Error::Rate(got) = error else { panic!("{error}") };
        assert_eq!(got.to_bits(), rate.to_bits());
    }
}

#[test]
fn buffers_that_are_too_short_are_named_with_both_lengths() {
    let net = labels();
    let plan = Plan::new(&net, Mode::train::<Momentum>(), 2);
    assert_eq!((plan.weights, plan.state), (27, 27));
    let full = [27, 27, plan.arena];
    for (which, buffer) in [Buffer::Weights, Buffer::State, Buffer::Arena].into_iter().enumerate() {
        for got in [0, full[which] - 1] {
            let mut lengths = full;
            lengths[which] = got;
            let [mut weights, mut state, mut arena] = lengths.map(|len| vec![0.0; len]);
            let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
            let error = Portable::<All, _>::new(plan.net(), Momentum::default(), memory);
            let need = full[which];
            assert_eq!(error.err(), Some(Error::Memory { buffer, need, got }));
        }
    }
    says(
        Error::Memory { buffer: Buffer::Arena, need: 20, got: 19 },
        "the arena needs 20 numbers, got 19",
    );
}

#[test]
fn longer_buffers_keep_their_rest() {
    let net = labels();
    let plan = Plan::new(&net, Mode::train::<Clip<Momentum>>(), 2);
    let update = Clip { update: Momentum::default(), most: 1.0 };
    let mut exact = Buffers::new(&plan, &W, 0.0);
    exact.engine(&plan, update).train(&X, Target::Labels(&[0, 1]), 0.1).unwrap();
    let long = |numbers: &[f32], len: usize| {
        let mut long = numbers.to_vec();
        long.resize(len + 5, 7.0);
        long
    };
    let (mut weights, mut state) = (long(&W, 27), long(&vec![0.0; plan.state], plan.state));
    let mut arena = long(&vec![0.0; plan.arena], plan.arena);
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let mut engine = Portable::<All, _>::new(plan.net(), update, memory).unwrap();
    engine.train(&X, Target::Labels(&[0, 1]), 0.1).unwrap();
    assert_eq!(engine.all_weights().len(), 27);
    assert_eq!(bits(&weights[..27]), bits(&exact.weights));
    assert_eq!(weights[27..], [7.0; 5]);
    assert_eq!(arena[plan.arena..], [7.0; 5]);
    assert_eq!(state[plan.state..], [7.0; 5]);
}

/// Everything but dense layers, and everything but cross-entropy.
enum NoDense {}
enum NoCrossEntropy {}

impl Uses for NoDense {
    const SET: LayerSet = LayerSet::NONE.with(Kind::Relu).with_loss(LOSS);
}

impl Uses for NoCrossEntropy {
    const SET: LayerSet =
        LayerSet::NONE.with(Kind::Dense).with(Kind::Relu).with_loss(Loss::SquaredError);
}

/// Exactly what `labels()` uses.
enum Enough {}

impl Uses for Enough {
    const SET: LayerSet = LayerSet::NONE.with(Kind::Dense).with(Kind::Relu).with_loss(LOSS);
}

const LOSS: Loss = Loss::CrossEntropy { smoothing: 0.0 };

#[test]
fn what_is_not_linked_is_refused() {
    fn begin<S: Uses>(plan: &Plan<{ super::cases::ROOM }>) -> Result<(), Error> {
        let mut buffers = Buffers::new(plan, &W, 0.0);
        let Buffers { weights, state, arena } = &mut buffers;
        let memory = Memory { weights, state, arena };
        let mut engine = Portable::<S, _>::new(plan.net(), Sgd::default(), memory)?;
        engine.train(&X, Target::Labels(&[0, 1]), 0.1).map(|_| ())
    }
    let net = labels();
    let plan = Plan::new(&net, Mode::train::<Sgd>(), 2);
    assert_eq!(begin::<NoDense>(&plan), Err(Error::Uses));
    assert_eq!(begin::<NoCrossEntropy>(&plan), Err(Error::Uses));
    assert_eq!(begin::<Enough>(&plan), Ok(()));
}

#[test]
fn linking_less_does_not_change_a_bit() {
    fn train<S: Uses>() -> Vec<u32> {
        let net = labels();
        let plan = Plan::new(&net, Mode::train::<Sgd>(), 2);
        let mut buffers = Buffers::new(&plan, &W, 0.0);
        let Buffers { weights, state, arena } = &mut buffers;
        let memory = Memory { weights, state, arena };
        let mut engine = Portable::<S, _>::new(plan.net(), Sgd::default(), memory).unwrap();
        for _ in 0..3 {
            engine.train(&X, Target::Labels(&[0, 1]), 0.1).unwrap();
        }
        bits(engine.all_weights())
    }
    assert_eq!(train::<Enough>(), train::<All>());
}

#[test]
fn an_update_needs_the_plan_that_was_made_for_it() {
    fn begin<P: Update, U: Update>(update: U) -> Option<Error> {
        let net = labels();
        let plan = Plan::new(&net, Mode::train::<P>(), 2);
        let (mut weights, mut state) = ([0.0; 27], [0.0; 4 * 27]);
        let mut arena = vec![0.0; plan.arena];
        let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
        Portable::<All, _>::new(plan.net(), update, memory).err()
    }
    let momentum = Momentum::default();
    let clip = Clip { update: momentum, most: 1.0 };
    let wrong = |planned, needed| Some(Error::Update { planned, needed });
    assert_eq!(begin::<Sgd, _>(momentum), wrong(0, 1));
    assert_eq!(begin::<Momentum, _>(Sgd::default()), wrong(1, 0));
    assert_eq!(begin::<Momentum, _>(clip), wrong(1, 2));
    assert_eq!(begin::<Clip<Momentum>, _>(momentum), wrong(2, 1));
    assert_eq!(begin::<Clip<Momentum>, _>(clip), None);
    // an update that is chosen at run time needs a plan for what it chose
    let chosen = Chosen::Sgd(Sgd::default());
    assert_eq!(begin::<Chosen, _>(Chosen::Adam(Adam::default())), None);
    assert_eq!(begin::<Chosen, _>(chosen), wrong(3, 1));
    assert_eq!(begin::<Clip<Sgd>, _>(chosen), None);
    assert_eq!(begin::<Clip<Sgd>, _>(Clip { update: Sgd::default(), most: 1.0 }), None);
}

#[test]
fn a_plan_for_inference_does_not_train() {
    let net = labels();
    let plan = Plan::new(&net, Mode::INFER, 2);
    assert_eq!(plan.state, 0);
    let mut buffers = Buffers::new(&plan, &W, 0.0);
    let mut engine = buffers.engine(&plan, Sgd::default());
    let error = engine.train(&X, Target::Labels(&[0, 1]), 0.1).unwrap_err();
    assert_eq!(error, Error::Inference);
    assert_eq!(engine.all_weights(), W);
    // without a loss there is no sort of target that fits
    let net: Net = Graph::input(Shape::vector(2)).dense(4).relu().dense(3);
    let plan = Plan::new(&net, Mode::INFER, 2);
    let mut buffers = Buffers::new(&plan, &W, 0.0);
    let error = buffers.engine(&plan, Sgd::default()).train(&X, Target::Labels(&[0, 1]), 0.1);
    assert_eq!(error.unwrap_err(), Error::Target(TargetError::Sort));
}

/// A shape that a layer does not fit is an error of the compiler where the graph is a constant.
///
/// (The documentation of the crate has the test that such a constant does not compile.)
#[test]
fn a_strict_graph_panics_where_a_draft_remembers() {
    let strict = std::panic::catch_unwind(|| Graph::<4>::input(Shape::hwc(4, 4, 1)).max_pool(5));
    assert!(strict.is_err());
    let draft = Graph::<4>::draft(Shape::hwc(4, 4, 1)).max_pool(5).dense(3).finish();
    says(draft.unwrap_err(), "the kernel is larger than the padded input (layer 0, input 4×4×1)");
}

/// PyTorch: "pad should be at most half of effective kernel size".
#[test]
fn a_maximum_is_padded_by_at_most_half_its_window() {
    let draft = |kernel, padding| {
        let pool = MaxPool { kernel, stride: [1, 1], padding };
        Graph::<4>::draft(Shape::hwc(4, 4, 1)).then(Layer::MaxPool(pool)).finish()
    };
    for (kernel, padding) in [([3, 3], [1, 2]), ([3, 3], [2, 1]), ([1, 1], [1, 0])] {
        let words = "the padding of a maximum is more than half its window (layer 0, input 4×4×1)";
        says(draft(kernel, padding).unwrap_err(), words);
    }
    assert_eq!(draft([2, 5], [1, 2]).unwrap().output(), Shape::hwc(5, 4, 1));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    fn begin<U: Update>(update: U) -> Option<Error> {
        let net = labels();
        let plan = Plan::new(&net, Mode::train::<U>(), 2);
        let (mut weights, mut state) = ([0.0; 27], vec![0.0; plan.state]);
        let mut arena = vec![0.0; plan.arena];
        let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
        Portable::<All, _>::new(plan.net(), update, memory).err()
    }
    let heavy = |momentum, decay| Momentum { momentum, decay, nesterov: false };
    for momentum in [-0.1, 1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(begin(heavy(momentum, 0.0)), Some(Error::Settings));
        assert_eq!(begin(Clip { update: heavy(momentum, 0.0), most: 1.0 }), Some(Error::Settings));
    }
    for decay in [-0.1, f32::NAN, f32::INFINITY] {
        assert_eq!(begin(heavy(0.9, decay)), Some(Error::Settings));
        assert_eq!(begin(Sgd { decay }), Some(Error::Settings));
    }
    for most in [-1.0, f32::NAN] {
        let clip = Clip { update: Sgd::default(), most };
        assert_eq!(begin(clip), Some(Error::Settings), "a largest norm of {most}");
    }
    for bad in [-0.1, 1.5, f32::NAN] {
        let usual = Adam::default();
        assert_eq!(begin(Adam { betas: [bad, 0.999], ..usual }), Some(Error::Settings));
        assert_eq!(begin(Adam { decay: bad, ..usual }), Some(Error::Settings));
        assert_eq!(begin(AdaDelta { rho: bad, ..AdaDelta::default() }), Some(Error::Settings));
    }
    for eps in [0.0, -1.0, 1e-40, f32::INFINITY] {
        assert_eq!(begin(AdamW { eps, ..AdamW::default() }), Some(Error::Settings));
        assert_eq!(begin(AdaDelta { eps, ..AdaDelta::default() }), Some(Error::Settings));
        assert_eq!(begin(Adagrad { eps, ..Adagrad::default() }), Some(Error::Settings));
    }
    let shares = [0.0, -0.5, f32::NAN, 11.0].map(|scalar_rate| {
        begin(Grouped { scalar_rate, ..Grouped::alike(Sgd::default()) }).is_none()
    });
    assert_eq!(shares, [true, false, false, false]);
    assert_eq!(begin(AdamW { decay: 10.0, ..AdamW::default() }), None);
    assert_eq!(begin(heavy(0.0, 0.0)), None);
    assert_eq!(begin(Clip { update: heavy(0.99, 1.0), most: f32::INFINITY }), None);
}

#[test]
fn layers_whose_settings_cannot_work_are_refused() {
    let draft = || Graph::<4>::draft(Shape::hwc(4, 4, 2));
    let misfit = |graph: Graph<4>| match graph.finish() {
        Err(GraphError::Layer { node: 0, misfit, .. }) => misfit,
        other => panic!("{other:?}"),
    };
    let norm = |eps, momentum| misfit(draft().then(Layer::BatchNorm(BatchNorm { eps, momentum })));
    for (eps, momentum) in [(-1.0, 0.1), (f32::NAN, 0.1), (1e-5, f32::NAN), (1e-5, 1.5)] {
        assert_eq!(norm(eps, momentum), Misfit::Setting);
    }
    for slope in [0.0, -0.5, f32::NAN, f32::INFINITY] {
        assert_eq!(misfit(draft().leaky_relu(slope)), Misfit::Setting);
    }
    assert_eq!(misfit(draft().conv2d(2, 2)), Misfit::EvenKernel);
    let huge = |stride, padding| {
        let conv = Conv2d { stride: [stride; 2], padding: [padding; 2], ..Conv2d::same(2, 1) };
        misfit(draft().then(Layer::Conv2d(conv)))
    };
    assert_eq!((huge(1, u32::MAX), huge(u32::MAX, 0)), (Misfit::TooLarge, Misfit::TooLarge));
    let nothing = Conv2d { kernel: [0, 3], ..Conv2d::same(2, 3) };
    assert_eq!(misfit(draft().then(Layer::Conv2d(nothing))), Misfit::Zero);
    for smoothing in [-0.1, 7.0, f32::NAN] {
        let error = draft().dense(2).cross_entropy(smoothing).finish().unwrap_err();
        assert!(matches!(error, GraphError::Smoothing(_)), "{error}");
    }
    let norm_as_end = draft().conv2d(2, 3).batch_norm().role(Role::BranchEnd).finish();
    assert_eq!(norm_as_end.unwrap_err(), GraphError::Role { node: 1 });
}

#[test]
fn a_batch_norm_of_a_single_number_is_not_trained() {
    let net = Graph::<3>::draft(Shape::vector(4)).batch_norm().dense(2).cross_entropy(0.0);
    let plan = |batch| Plan::checked(&net, Mode::train::<Sgd>(), batch).err();
    assert_eq!((plan(1), plan(2)), (Some(PlanError::Norm), None));
    assert!(Plan::checked(&net, Mode::INFER, 1).is_ok());
    assert!(Plan::checked(&net, Mode::train::<Sgd>().last(1), 1).is_ok());
}
