//! A steady step of the host engine allocates nothing, on any of its threads.
#![cfg(feature = "std")]
#![allow(unsafe_code, reason = "an allocator is unsafe by its trait")]

use idinit::engine::{Engine, Host};
use idinit::graph::{Graph, Role};
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::Momentum;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// The count is the whole process's, so one network trains at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations in 20 steps, after three that warm the threads up.
fn allocations(graph: &Graph<24>, batch: usize) -> usize {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let plan = Plan::new(graph, Mode::train::<Momentum>(), batch);
    let mut engine = Host::new(plan.net(), Momentum::default(), 2).unwrap();
    engine.start(&IdInit::PAPER);
    let x: Vec<f32> = (0..batch * graph.input_shape().len()).map(|i| (i % 7) as f32).collect();
    let rows = batch * graph.output().pixels();
    let labels: Vec<u32> = (0..rows as u32).map(|i| i % 3).collect();
    engine.within(|engine| {
        let mut steps = |count| {
            for _ in 0..count {
                engine.train(&x, Target::Labels(&labels), 0.001).unwrap();
            }
        };
        steps(3);
        let before = COUNT.load(Ordering::Relaxed);
        steps(20);
        COUNT.load(Ordering::Relaxed) - before
    })
}

#[test]
fn a_steady_step_of_convolutions_and_norms_allocates_nothing() {
    let g = Graph::input(Shape::hwc(16, 16, 3)).conv2d(16, 3).batch_norm().relu();
    let skip = g.here();
    let g = g.conv2d(16, 3).role(Role::Branch).batch_norm().relu();
    let g = g.conv2d(16, 3).role(Role::BranchEnd).batch_norm().add(skip).relu();
    let g = g.max_pool(2).tanh().layer_norm().dropout(0.1).global_average_pool();
    assert_eq!(allocations(&g.dense(3).cross_entropy(0.1), 32), 0);
}

/// The products of dense layers are the crate `gemm`'s, which takes the room that it packs its
/// operands in from the allocator: a few blocks a layer, given back at once, and never more of them as
/// steps go on.
#[test]
fn a_step_of_dense_layers_takes_no_more_than_the_room_of_its_products() {
    let g = Graph::input(Shape::vector(256)).dense(300).tanh().dense(300).relu().dense(10);
    let dense = allocations(&g.cross_entropy(0.1), 32);
    assert!(dense <= 20 * 3 * 8, "{dense} in 20 steps of 3 layers");
}
