//! Several GPUs train as one, a process for each. Each test runs itself again as its ranks, and compares what they
//! have come to. Two ranks need two GPUs, or the stand-in of `tests/cuda-on-cpu`, where each process has one:
//!
//! ```sh
//! LD_LIBRARY_PATH=$(tests/cuda-on-cpu/build.sh) cargo test --features cli,nccl --test gpu_ranks
//! ```

#![allow(dead_code, reason = "other tests use the rest of the tolerances")]

use idinit::data::digits;
use idinit::engine::{Cuda, CudaError, Engine, Error};
use idinit::gpu::{self, Precision, World, probe};
use idinit::graph::{Graph, Role};
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{Clip, Momentum};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use suite::tolerance::{Against, close, tolerance};

mod suite {
    pub mod tolerance;

    mod command_ranks;
}

/// Without layers that look at a batch as a whole.
const PLAIN: Graph<10> = {
    let g = Graph::input(Shape::hwc(8, 8, 1)).conv2d(8, 3).relu();
    let skip = g.here();
    g.conv2d(8, 3)
        .role(Role::Branch)
        .relu()
        .conv2d(8, 3)
        .role(Role::BranchEnd)
        .add(skip)
        .relu()
        .max_pool(2)
        .dense(10)
        .role(Role::Head)
        .cross_entropy(0.0)
};

/// With lots that are drawn, and statistics of the batch.
const NORM: Graph<5> = Graph::input(Shape::hwc(8, 8, 1))
    .conv2d(8, 3)
    .batch_norm()
    .relu()
    .max_pool(2)
    .dense(10)
    .cross_entropy(0.0);
const DROP: Graph<4> =
    Graph::input(Shape::hwc(8, 8, 1)).dense(32).relu().dropout(0.5).dense(10).cross_entropy(0.0);

type Way = Clip<Momentum>;
const WAY: Way = clipped(0.5);

const fn clipped(most: f32) -> Way {
    Clip { update: Momentum { momentum: 0.9, decay: 0.01, nesterov: false }, most }
}

/// Examples of one rank.
const SHARE: usize = 4;

/// `count` digits from one on.
fn batch(first: usize, count: usize) -> (Vec<f32>, Vec<u32>) {
    let (mut x, mut labels) = (vec![0.0; 64 * count], vec![]);
    for (number, image) in x.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        labels.push(digits::image(digits::train(first + number), image).unwrap());
    }
    (x, labels)
}

/// The weights of an engine, by their bits.
fn weights<const N: usize>(engine: &Cuda<'_, Way>, graph: &Graph<N>) -> Vec<u32> {
    let plan = Plan::<N>::new(graph, Mode::train::<Way>(), 1);
    let mut w = vec![0.0; plan.net().weights()];
    engine.weights(&mut w).unwrap();
    w.into_iter().map(f32::to_bits).collect()
}

fn wide(bits: &[u32]) -> Vec<f64> {
    bits.iter().map(|bits| f64::from(f32::from_bits(*bits))).collect()
}

/// Whether the GPU is the stand-in, which fails when it is told to.
pub fn stand_in() -> bool {
    let gpus = probe().unwrap_or_default();
    gpus.iter().flatten().any(|gpu| gpu.name.starts_with("cuda-on-cpu"))
}

/// Whether so many ranks can be tested on; where they cannot, that must be allowed.
pub fn can(ranks: usize) -> bool {
    let why = match probe() {
        Err(absent) => absent.to_string(),
        Ok(gpus) => {
            if stand_in() || gpus.len() >= ranks {
                return true;
            }
            format!("{ranks} ranks need as many GPUs")
        }
    };
    assert!(std::env::var_os("IDINIT_REQUIRE_GPU").is_none(), "{why}");
    eprintln!("!! skipped: {why}");
    false
}

/// What a rank has come to: numbers, or in words why not.
type Came = Result<Vec<u32>, String>;

/// Runs a test as `count` ranks; none in a rank itself.
fn ranks(test: &str, count: usize, body: fn(&World) -> Came) -> Option<Vec<Came>> {
    if std::env::var("GPU_RANKS_TEST").is_ok_and(|it| it == test) {
        let came = body(&World::from_env().unwrap().unwrap());
        let text = match came {
            Ok(words) => words.iter().map(|word| format!("{word}\n")).collect(),
            Err(why) => format!("!{why}"),
        };
        fs::write(std::env::var_os("GPU_RANKS_OUT").unwrap(), text).unwrap();
        return None;
    }
    if !can(count) {
        return None;
    }
    let folder = tempfile(test);
    // the ranks meet this far behind torchrun's port
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let begin = |rank: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads", "1"])
            .env("GPU_RANKS_TEST", test)
            .env("GPU_RANKS_OUT", Path::new(&folder).join(rank.to_string()))
            .env("RANK", rank.to_string())
            .env("WORLD_SIZE", count.to_string())
            .env("LOCAL_RANK", rank.to_string())
            .env("MASTER_ADDR", "127.0.0.1")
            .env("MASTER_PORT", (free - 1500).to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = (0..count).map(begin).collect();
    let ended = children.into_iter().map(|mut child| child.wait().unwrap());
    assert!(ended.collect::<Vec<_>>().iter().all(|status| status.success()));
    let read = |rank: usize| {
        let text = fs::read_to_string(Path::new(&folder).join(rank.to_string())).unwrap();
        match text.strip_prefix('!') {
            Some(why) => Err(why.to_owned()),
            None => Ok(text.lines().map(|line| line.parse().unwrap()).collect()),
        }
    };
    let came = (0..count).map(read).collect();
    fs::remove_dir_all(folder).unwrap();
    Some(came)
}

fn tempfile(test: &str) -> String {
    let folder = format!("{}/{test}-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The share of a rank in a batch of `count` examples a rank.
fn share(world: &World, step: usize, count: usize) -> (Vec<f32>, Vec<u32>) {
    batch((step * world.size + world.rank) * count, count)
}

fn joined<const N: usize>(
    plan: &'static Plan<N>,
    world: &World,
) -> Result<Cuda<'static, Way>, String> {
    joined_by(plan, WAY, world)
}

fn joined_by<const N: usize>(
    plan: &'static Plan<N>,
    way: Way,
    world: &World,
) -> Result<Cuda<'static, Way>, String> {
    let engine = Cuda::join(plan.net(), way, world, Precision::F32);
    let mut engine = engine.map_err(|error| error.to_string())?;
    engine.start(&IdInit::PAPER).unwrap();
    engine.seed(3);
    Ok(engine)
}

static ONE: Plan<10> = Plan::new(&PLAIN, Mode::train::<Way>(), SHARE);
static BOTH: Plan<10> = Plan::new(&PLAIN, Mode::train::<Way>(), 2 * SHARE);
static PARTS: Plan<10> = Plan::new(&PLAIN, Mode::train::<Way>().in_parts(), SHARE);
static NORMED: Plan<5> = Plan::new(&NORM, Mode::train::<Way>().in_parts(), SHARE);
static DROPPED: Plan<4> = Plan::new(&DROP, Mode::train::<Way>().in_parts(), SHARE);

const STEPS: usize = 6;

/// Losses and weights of a few steps on each rank's share, in buckets of a few numbers or of the usual size.
fn steps(world: &World, bucket: Option<usize>, way: Way) -> Came {
    let mut engine = joined_by(&ONE, way, world)?;
    if let Some(numbers) = bucket {
        engine.buckets_of(numbers);
    }
    let mut came = vec![];
    for step in 0..STEPS {
        let (x, labels) = share(world, step, SHARE);
        came.push(engine.train(&x, Target::Labels(&labels), 0.05).unwrap().to_bits());
    }
    came.extend(weights(&engine, &PLAIN));
    Ok(came)
}

#[test]
fn one_rank_alone_takes_the_steps_of_an_engine_without_nccl_to_the_bit() {
    if !can(1) {
        return;
    }
    let mut engine = Cuda::new(ONE.net(), WAY, 0).unwrap();
    engine.start(&IdInit::PAPER).unwrap();
    let mut want = vec![];
    for step in 0..STEPS {
        let (x, labels) = batch(step * SHARE, SHARE);
        want.push(engine.train(&x, Target::Labels(&labels), 0.05).unwrap().to_bits());
    }
    want.extend(weights(&engine, &PLAIN));
    for bucket in [None, Some(1), Some(700)] {
        assert_eq!(steps(&World::alone(), bucket, WAY).unwrap(), want, "{bucket:?}");
    }
}

#[test]
fn two_ranks_take_the_steps_of_one_engine_on_the_whole_batch() {
    let test = "two_ranks_take_the_steps_of_one_engine_on_the_whole_batch";
    // of clipped gradients nobody sees whether they are means or sums
    let both = |world: &World| {
        let ways = [clipped(f32::INFINITY), WAY].map(|way| steps(world, Some(700), way));
        Ok(ways.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    };
    let Some(came) = ranks(test, 2, both) else { return };
    let [first, second] = [0, 1].map(|rank| came[rank].as_ref().unwrap());
    assert_eq!(first, second, "ranks differ");
    for (way, got) in [clipped(f32::INFINITY), WAY].into_iter().zip(first.chunks(first.len() / 2)) {
        let mut engine = Cuda::new(BOTH.net(), way, 0).unwrap();
        engine.start(&IdInit::PAPER).unwrap();
        let mut losses = vec![];
        for step in 0..STEPS {
            let (x, labels) = batch(step * 2 * SHARE, 2 * SHARE);
            losses.push(engine.train(&x, Target::Labels(&labels), 0.05).unwrap().to_bits());
        }
        let allowed = tolerance(Against::Ranks, PLAIN.nodes());
        close("losses", &wide(&got[..STEPS]), &wide(&losses), allowed, 1.0);
        close("weights", &wide(&got[STEPS..]), &wide(&weights(&engine, &PLAIN)), allowed, 1.0);
    }
}

#[test]
fn two_ranks_come_to_the_same_bits_in_every_run_and_with_buckets_of_every_size() {
    let test = "two_ranks_come_to_the_same_bits_in_every_run_and_with_buckets_of_every_size";
    let several = |world: &World| {
        let run = |bucket| steps(world, bucket, WAY).unwrap();
        let runs = [Some(1), Some(1), Some(700), None].map(run);
        assert!(runs.iter().all(|run| *run == runs[0]), "runs differ");
        Ok(runs[0].clone())
    };
    let Some(came) = ranks(test, 2, several) else { return };
    assert_eq!(came[0].as_ref().unwrap(), came[1].as_ref().unwrap());
}

#[test]
fn ranks_are_parts_of_one_engine_to_the_bit_and_draw_their_lots() {
    let test = "ranks_are_parts_of_one_engine_to_the_bit_and_draw_their_lots";
    let each = |world: &World| {
        let mut engine = joined(&DROPPED, world)?;
        for step in 0..STEPS {
            let (x, labels) = share(world, step, SHARE);
            engine.train(&x, Target::Labels(&labels), 0.05).unwrap();
        }
        Ok(weights(&engine, &DROP))
    };
    let Some(came) = ranks(test, 2, each) else { return };
    let mut engine = Cuda::new(DROPPED.net(), WAY, 0).unwrap();
    engine.start(&IdInit::PAPER).unwrap();
    engine.seed(3);
    for step in 0..STEPS {
        for part in 0..2 {
            let (x, labels) = batch((2 * step + part) * SHARE, SHARE);
            engine.accumulate(&x, Target::Labels(&labels)).unwrap();
        }
        engine.step(0.05).unwrap();
    }
    // shares of a power of two: whether means or sums are added, the bits are the same
    let want = Ok(weights(&engine, &DROP));
    assert_eq!(came, [want.clone(), want]);
}

#[test]
fn parts_are_summed_over_all_ranks_when_the_step_is_taken() {
    let test = "parts_are_summed_over_all_ranks_when_the_step_is_taken";
    let each = |world: &World| {
        let mut engine = joined_by(&PARTS, clipped(f32::INFINITY), world)?;
        for step in 0..3 {
            for part in 0..2 {
                let (x, labels) = share(world, 2 * step + part, SHARE);
                engine.accumulate(&x, Target::Labels(&labels)).unwrap();
            }
            engine.step(0.05).unwrap();
        }
        Ok(weights(&engine, &PLAIN))
    };
    let Some(came) = ranks(test, 2, each) else { return };
    assert_eq!(came[0], came[1]);
    let mut engine = Cuda::new(PARTS.net(), clipped(f32::INFINITY), 0).unwrap();
    engine.start(&IdInit::PAPER).unwrap();
    for step in 0..3 {
        for part in 0..4 {
            let (x, labels) = batch((4 * step + part) * SHARE, SHARE);
            engine.accumulate(&x, Target::Labels(&labels)).unwrap();
        }
        engine.step(0.05).unwrap();
    }
    let allowed = tolerance(Against::Ranks, PLAIN.nodes());
    let got = came[0].as_ref().unwrap();
    close("weights", &wide(got), &wide(&weights(&engine, &PLAIN)), allowed, 1.0);
}

/// Whether a step was refused for its loss.
fn refused<T>(step: Result<T, CudaError>) -> bool {
    matches!(step, Err(CudaError::Step(Error::Loss(_) | Error::Diverged { .. })))
}

#[test]
fn what_is_not_finite_on_one_rank_moves_no_number_on_any() {
    let test = "what_is_not_finite_on_one_rank_moves_no_number_on_any";
    let each = |world: &World| {
        let mut engine = joined(&NORMED, world)?;
        let (x, labels) = share(world, 0, SHARE);
        let target = Target::Labels(&labels);
        let mut bad = x.clone();
        if world.rank == 1 {
            bad[5] = f32::NAN;
        }
        let before = weights(&engine, &NORM);
        assert!(refused(engine.train(&bad, target, 0.05)), "a step of rank {}", world.rank);
        assert!(refused(engine.accumulate(&bad, target)), "a part of rank {}", world.rank);
        // running statistics are among them
        assert_eq!((weights(&engine, &NORM), engine.steps()), (before, 0));
        engine.train(&x, target, 0.05).unwrap();
        engine.accumulate(&x, target).unwrap();
        engine.step(0.05).unwrap();
        // statistics are each rank's own, and lie behind the gains and shifts of 8 channels
        let mut trained = weights(&engine, &NORM);
        let norm = NORMED.net().slots()[1].weights.start as usize;
        trained.drain(norm + 16..norm + 32);
        Ok(trained)
    };
    let Some(came) = ranks(test, 2, each) else { return };
    assert_eq!(came[0].as_ref().unwrap(), came[1].as_ref().unwrap());
}

#[test]
fn a_gradient_that_is_too_large_on_one_rank_is_so_on_all() {
    let test = "a_gradient_that_is_too_large_on_one_rank_is_so_on_all";
    let each = |world: &World| {
        let mut engine = joined(&DROPPED, world)?;
        let (x, labels) = share(world, 0, SHARE);
        let target = Target::Labels(&labels);
        let mut large = x.clone();
        if world.rank == 1 {
            large.iter_mut().for_each(|x| *x *= 1e25);
        }
        let diverged = |error| matches!(error, CudaError::Step(Error::Diverged { .. }));
        let before = weights(&engine, &DROP);
        assert!(engine.accumulate(&large, target).is_err_and(diverged), "rank {}", world.rank);
        assert!(engine.train(&large, target, 0.05).is_err_and(diverged), "rank {}", world.rank);
        assert_eq!((weights(&engine, &DROP), engine.steps()), (before, 0));
        Ok(vec![])
    };
    let Some(came) = ranks(test, 2, each) else { return };
    assert_eq!(came, [Ok(vec![]), Ok(vec![])]);
}

#[test]
fn ranks_with_different_numbers_of_examples_are_refused_and_go_on() {
    let test = "ranks_with_different_numbers_of_examples_are_refused_and_go_on";
    let each = |world: &World| {
        let mut engine = joined(&PARTS, world)?;
        let before = weights(&engine, &PLAIN);
        let (x, labels) = share(world, 0, SHARE - world.rank);
        let target = Target::Labels(&labels);
        let want = CudaError::Uneven(vec![SHARE as u32, SHARE as u32 - 1]);
        assert_eq!(engine.train(&x, target, 0.05), Err(want.clone()));
        assert_eq!(engine.accumulate(&x, target), Err(want));
        assert_eq!((weights(&engine, &PLAIN), engine.steps()), (before, 0));
        let (x, labels) = share(world, 0, 2);
        engine.train(&x, Target::Labels(&labels), 0.05).unwrap();
        Ok(weights(&engine, &PLAIN))
    };
    let Some(came) = ranks(test, 2, each) else { return };
    assert_eq!(came[0].as_ref().unwrap(), came[1].as_ref().unwrap());
}

#[test]
fn ranks_that_train_something_else_do_not_begin() {
    let test = "ranks_that_train_something_else_do_not_begin";
    let each = |world: &World| {
        let world = World { about: world.rank as u64, ..world.clone() };
        match Cuda::join(ONE.net(), WAY, &world, Precision::F32) {
            Err(CudaError::Gpu(gpu::Error::Meeting { why })) => Err(why),
            other => panic!("{:?}", other.err()),
        }
    };
    let Some(came) = ranks(test, 2, each) else { return };
    assert!(came[0].as_ref().is_err_and(|why| why.contains("trains something else")), "{came:?}");
    assert!(came[1].as_ref().is_err_and(|why| why.contains("it says what")), "{came:?}");
}
