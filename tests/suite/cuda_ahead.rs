//! Steps that are submitted and not waited for are the steps that are, and cost one launch.

use super::cuda::device;
use super::runner::{Chance, bits};
use idinit::engine::{Cuda, CudaError, Engine, Error};
use idinit::graph::Graph;
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{Adam, Clip};
use std::process::Command;

/// With statistics, lots and corrections that depend on the number of the step.
const NET: Graph<6> = Graph::input(Shape::vector(6))
    .dense(8)
    .batch_norm()
    .relu()
    .dropout(0.3)
    .dense(8)
    .dense(3)
    .cross_entropy(0.1);
const BATCH: usize = 5;
static PLAN: Plan<6> = Plan::new(&NET, Mode::train::<Clip<Adam>>(), BATCH);

type Tested = Cuda<'static, Clip<Adam>>;

fn engine(ordinal: usize) -> Tested {
    let update = Clip { update: Adam::default(), most: 0.5 };
    let mut engine = Cuda::new(PLAN.net(), update, ordinal).unwrap();
    let _sent = engine.start(&IdInit::PAPER).unwrap();
    engine.seed(3);
    engine
}

/// Batch `i`: inputs, labels of two sorts and shares, for every third step fewer of them.
struct Batch {
    x: Vec<f32>,
    labels: [Vec<u32>; 2],
    share: Vec<f32>,
    mixed: bool,
}

impl Batch {
    fn of(i: usize) -> Self {
        let mut chance = Chance(i as u64);
        let count = if i % 3 == 2 { BATCH - 2 } else { BATCH };
        let mut labels = || (0..count).map(|_| chance.below(3) as u32).collect();
        let labels = [labels(), labels()];
        let x = (0..6 * count).map(|_| chance.within(-2.0, 2.0)).collect();
        let share = (0..count).map(|_| chance.within(0.1, 0.9)).collect();
        Self { x, labels, share, mixed: i % 4 == 1 }
    }

    fn target(&self) -> Target<'_> {
        let [first, second] = &self.labels;
        match self.mixed {
            true => Target::Mixed { first, second, share: &self.share },
            false => Target::Labels(first),
        }
    }
}

const RATE: f32 = 0.01;

fn train(engine: &mut Tested, i: usize) -> Result<f32, CudaError> {
    let batch = Batch::of(i);
    engine.train(&batch.x, batch.target(), RATE)
}

fn submit(engine: &mut Tested, i: usize) {
    let batch = Batch::of(i);
    assert_eq!(engine.submit(&batch.x, batch.target(), RATE), Ok(None));
}

/// The losses that were not told, and whether a step behind them was refused.
fn losses(engine: &mut Tested) -> (Vec<u32>, Result<(), CudaError>) {
    let mut all = vec![];
    let outcome = engine.losses(|loss| all.push(loss));
    (bits(&all), outcome)
}

/// Weights, state and the number of steps.
fn standing(engine: &Tested) -> (Vec<u32>, Vec<u32>, u64) {
    let (mut weights, mut state) = (vec![0.0; PLAN.weights], vec![0.0; PLAN.net().kept()]);
    engine.weights(&mut weights).unwrap();
    engine.state(&mut state).unwrap();
    (bits(&weights), bits(&state), engine.steps())
}

#[test]
fn submitted_steps_are_those_that_are_waited_for() {
    let Some(device) = device() else { return };
    // more than an engine lets go ahead
    const STEPS: usize = 70;
    let mut waiting = engine(device.ordinal);
    let want: Vec<_> = (0..STEPS).map(|i| train(&mut waiting, i).unwrap()).collect();
    for every in [1, 3, STEPS] {
        let mut ahead = engine(device.ordinal);
        let mut got = vec![];
        for i in 0..STEPS {
            submit(&mut ahead, i);
            if (i + 1) % every == 0 {
                let (told, outcome) = losses(&mut ahead);
                outcome.unwrap();
                got.extend(told);
            }
        }
        // weights wait by themselves
        let stands = standing(&ahead);
        got.extend(losses(&mut ahead).0);
        assert!(got == bits(&want), "losses, read every {every} steps");
        assert!(stands == standing(&waiting), "weights, read every {every} steps");
    }
}

#[test]
fn what_an_engine_is_asked_between_steps_waits_for_them() {
    let Some(device) = device() else { return };
    let (mut ahead, mut waiting) = (engine(device.ordinal), engine(device.ordinal));
    let x = Batch::of(0).x;
    let mut y = [vec![0.0; 3 * BATCH], vec![0.0; 3 * BATCH]];
    let mut want = vec![];
    for i in 0..5 {
        submit(&mut ahead, i);
        want.push(train(&mut waiting, i).unwrap());
        ahead.infer(&x, &mut y[0]).unwrap();
        waiting.infer(&x, &mut y[1]).unwrap();
        assert_eq!(bits(&y[0]), bits(&y[1]), "outputs behind step {i}");
    }
    submit(&mut ahead, 5);
    want.push(train(&mut waiting, 5).unwrap());
    // a step that is waited for gives its own loss, and leaves the others to be told
    assert_eq!(train(&mut ahead, 6), train(&mut waiting, 6));
    assert_eq!(losses(&mut ahead), (bits(&want), Ok(())));
    // where it stands is forgotten with what was submitted
    submit(&mut ahead, 7);
    let (weights, state) = (vec![0.0; PLAN.weights], vec![0.0; PLAN.net().kept()]);
    ahead.restore(&weights, &state, 9).unwrap();
    assert_eq!((losses(&mut ahead), ahead.steps()), ((vec![], Ok(())), 9));
}

#[test]
fn behind_a_refused_step_nothing_moves_until_it_is_read() {
    let Some(device) = device() else { return };
    for (good, behind) in [(0, 3), (2, 0), (2, 3), (3, 90)] {
        let (mut ahead, mut waiting) = (engine(device.ordinal), engine(device.ordinal));
        let mut want = vec![];
        for i in 0..good {
            submit(&mut ahead, i);
            want.push(train(&mut waiting, i).unwrap());
        }
        let mut strange = Batch::of(good);
        strange.x[4] = f32::NAN;
        assert_eq!(ahead.submit(&strange.x, strange.target(), RATE), Ok(None));
        for i in 0..behind {
            submit(&mut ahead, i);
        }
        let (told, refused) = losses(&mut ahead);
        assert_eq!(told, bits(&want), "{good} before, {behind} behind");
        assert!(matches!(refused, Err(CudaError::Step(Error::Loss(_)))), "{refused:?}");
        assert!(standing(&ahead) == standing(&waiting), "{good} before, {behind} behind");
        // once it is read, the next step is one as any other
        assert_eq!(losses(&mut ahead), (vec![], Ok(())));
        assert_eq!(train(&mut ahead, 7), train(&mut waiting, 7));
        assert!(standing(&ahead) == standing(&waiting), "{good} before, {behind} behind");
    }
}

#[test]
fn a_gradient_that_is_too_large_is_of_the_same_layer_whoever_waits() {
    let Some(device) = device() else { return };
    let mut engine = engine(device.ordinal);
    let (mut weights, state) = (vec![0.0; PLAN.weights], vec![0.0; PLAN.net().kept()]);
    engine.weights(&mut weights).unwrap();
    // the last layer passes a gradient on that the one before it cannot compute with
    let last = PLAN.net().slots()[5].weights;
    weights[last.range()].iter_mut().enumerate().for_each(|(i, w)| *w = 1e30 * (i as f32 - 9.0));
    let mut outcomes = vec![];
    for behind in [0, 2] {
        engine.restore(&weights, &state, 0).unwrap();
        submit(&mut engine, 0);
        for i in 0..behind {
            submit(&mut engine, i);
        }
        outcomes.push(losses(&mut engine).1);
        let mut after = weights.clone();
        engine.weights(&mut after).unwrap();
        let moved = |node: usize| {
            let range = PLAN.net().slots()[node].weights.range();
            bits(&after[range.clone()]) != bits(&weights[range])
        };
        assert!(![0, 4, 5].into_iter().any(moved), "weights have moved");
    }
    let [first, second] = &outcomes[..] else { panic!() };
    assert!(matches!(first, Err(CudaError::Step(Error::Diverged { node: 4 }))), "{first:?}");
    assert_eq!(first, second);
}

/// Runs a test of this file in a process of its own with settings of the stand-in, and returns what it said.
fn again(test: &str, settings: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("suite::cuda_ahead::{test}"), "--nocapture"])
        .env("CUDA_AHEAD", test)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn is_again(test: &str) -> bool {
    std::env::var("CUDA_AHEAD").is_ok_and(|name| name == test)
}

#[test]
fn a_submitted_step_is_one_launch_and_one_copy_from_page_locked_memory() {
    const NAME: &str = "a_submitted_step_is_one_launch_and_one_copy_from_page_locked_memory";
    let Some(device) = device() else { return };
    if !device.name.starts_with("cuda-on-cpu") {
        eprintln!("!! skipped: only the stand-in counts what it is asked for");
        return;
    }
    if is_again(NAME) {
        let mut engine = engine(device.ordinal);
        let steps: usize = std::env::var("CUDA_AHEAD_STEPS").unwrap().parse().unwrap();
        // all sorts and sizes are recorded first
        for i in 0..24 + steps {
            submit(&mut engine, i);
        }
        return;
    }
    let counts = |steps: &str| {
        let settings = [
            ("CUDA_ON_CPU_TRACE", "1"),
            ("CUDA_ON_CPU_MODE", "eager"),
            ("CUDA_AHEAD_STEPS", steps),
        ];
        again(NAME, &settings)
    };
    let (without, with) = (counts("0"), counts("12"));
    let calls = |name: &str| {
        let of = |said: &str| {
            said.lines().filter(|line| *line == format!("[cuda-on-cpu] {name}")).count()
        };
        of(&with) - of(&without)
    };
    let counted = |name: &str| {
        let of = |said: &str| -> u64 {
            let name = format!("[cuda-on-cpu] {name}: ");
            said.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
        };
        of(&with) - of(&without)
    };
    assert_eq!(counted("graph launches"), 12);
    assert_eq!((calls("cuGraphLaunch"), calls("cuMemcpyHtoDAsync_v2")), (12, 12));
    for name in ["allocations", "page-locked allocations", "waits of the host", "bytes to the host"]
    {
        assert_eq!(counted(name), 0, "{name}");
    }
    for name in ["cuLaunchKernel", "cuStreamBeginCapture_v2", "cuMemAllocAsync"] {
        assert_eq!(calls(name), 0, "{name}");
    }
    assert!(counted("bytes to the device") > 0);
    assert_eq!(counted("bytes to the device"), counted("bytes from page-locked memory"));
}

#[test]
fn no_copy_overtakes_the_step_that_reads_its_slot() {
    const NAME: &str = "no_copy_overtakes_the_step_that_reads_its_slot";
    let Some(device) = device() else { return };
    if !device.name.starts_with("cuda-on-cpu") || is_again(NAME) {
        return submitted_steps_are_those_that_are_waited_for();
    }
    again(NAME, &[("CUDA_ON_CPU_MODE", "hasty")]);
}
