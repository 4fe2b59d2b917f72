//! A steady step of the host engine allocates nothing, on any of its threads.
#![cfg(feature = "std")]
#![allow(unsafe_code, reason = "an allocator is unsafe by its trait")]

use idinit::engine::{Engine, Host};
use idinit::graph::{Graph, Role};
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::model::{self, Cell, CifarResNet, Gpt, Norm, TextCnn, TextRnn, Vit};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::Momentum;
use rayon::ThreadPoolBuilder;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Has both threads of a pool take work from the other, since a thread takes room when it begins, and
/// when it first looks for work elsewhere.
fn acquaint() {
    let meet = |then: fn()| {
        let both = Barrier::new(2);
        let second = || {
            both.wait();
            then();
        };
        rayon::join(|| both.wait(), second);
    };
    meet(|| {
        let both = Barrier::new(2);
        rayon::join(|| both.wait(), || both.wait());
    });
}

/// Allocations in 20 steps, after three that warm the threads up: the fewer of two such runs, since a thread that a
/// busy machine starts late takes its room then, and only once.
fn allocations<const N: usize>(graph: &Graph<N>, batch: usize) -> usize {
    let plan = Plan::new(graph, Mode::train::<Momentum>(), batch);
    let pool = Arc::new(ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    pool.install(acquaint);
    let mut engine = Host::on(pool, plan.net(), Momentum::default()).unwrap();
    engine.start(&IdInit::PAPER);
    let x: Vec<f32> = (0..batch * graph.input_shape().len()).map(|i| (i % 7) as f32).collect();
    let rows = batch * graph.output().pixels();
    let labels: Vec<u32> = (0..rows as u32).map(|i| i % 2).collect();
    engine.within(|engine| {
        let mut steps = |count| {
            for _ in 0..count {
                engine.train(&x, Target::Labels(&labels), 0.001).unwrap();
            }
        };
        steps(3);
        let mut run = || {
            let before = COUNT.load(Ordering::Relaxed);
            steps(20);
            COUNT.load(Ordering::Relaxed) - before
        };
        run().min(run())
    })
}

fn residual_blocks() -> Graph<24> {
    let g = Graph::input(Shape::hwc(16, 16, 3)).conv2d(16, 3).batch_norm().relu();
    let skip = g.here();
    let g = g.conv2d(16, 3).role(Role::Branch).batch_norm().relu();
    let g = g.conv2d(16, 3).role(Role::BranchEnd).batch_norm().add(skip).relu();
    let g = g.max_pool(2).tanh().layer_norm().dropout(0.1).global_average_pool();
    g.dense(3).cross_entropy(0.1)
}

fn dense() -> Graph<24> {
    let g = Graph::input(Shape::vector(256)).dense(300).tanh().dense(300).relu().dense(10);
    g.cross_entropy(0.1)
}

fn tables_and_scalars() -> Graph<24> {
    let g = Graph::input(Shape::hwc(8, 8, 24)).scalar_bias().linear(48).multiplier().class_token();
    g.positions().rms_norm().dropout(0.1).select(0).dense(3).cross_entropy(0.1)
}

fn gpt() -> Graph<64> {
    let net = Gpt { layers: 2, width: 64, heads: 4, vocabulary: 20, dropout: 0.1 };
    model::gpt(Graph::input(Shape::hwc(1, 24, 1)), net)
}

fn vit() -> Graph<64> {
    let net = Vit { layers: 2, width: 64, inner: 128, ..Vit::CIFAR };
    model::vit(Graph::input(Shape::hwc(16, 16, 3)), net)
}

fn text_cnn() -> Graph<64> {
    let net = TextCnn { vocabulary: 100, ..TextCnn::KIM };
    model::text_cnn(Graph::input(Shape::hwc(1, 24, 1)), net)
}

fn text_rnn(cell: Cell) -> Graph<64> {
    let net = TextRnn { vocabulary: 100, cell, hidden: 16, ..TextRnn::SMALL };
    model::text_rnn(Graph::input(Shape::hwc(1, 12, 1)), net)
}

fn resnet(norm: Norm) -> Graph<128> {
    let net = CifarResNet { norm, ..CifarResNet::DEPTH_20 };
    model::cifar_resnet(Graph::input(Shape::hwc(32, 32, 3)), net)
}

/// One test, since the count is the whole process's, and tests are started and reported beside each
/// other.
#[test]
fn a_steady_step_allocates_nothing_whatever_the_network() {
    let counts = [
        ("residual blocks", allocations(&residual_blocks(), 32)),
        ("dense layers", allocations(&dense(), 32)),
        ("tables and scalars", allocations(&tables_and_scalars(), 32)),
        ("GPT", allocations(&gpt(), 8)),
        ("ViT", allocations(&vit(), 8)),
        ("TextCNN", allocations(&text_cnn(), 8)),
        ("plain TextRNN", allocations(&text_rnn(Cell::Plain), 8)),
        ("GRU", allocations(&text_rnn(Cell::Gru), 8)),
        ("LSTM", allocations(&text_rnn(Cell::Lstm), 8)),
        ("ResNet with norms", allocations(&resnet(Norm::Batch), 8)),
        ("ResNet", allocations(&resnet(Norm::None), 8)),
    ];
    assert!(counts.iter().all(|(_, count)| *count == 0), "{counts:?}");
}
