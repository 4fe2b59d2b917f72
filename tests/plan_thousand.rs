//! A thousand layers are planned by the compiler, without its complaining about a long evaluation
//! (`long_running_const_eval` is denied by default, and nothing here allows it), and at run time in
//! the time that this prints.

use idinit::graph::{Graph, Role};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::Momentum;
use std::hint::black_box;
use std::time::Instant;

const BLOCKS: usize = 199;

/// A residual network of 1,000 layers: a stem of 3, then 199 blocks of 5, then 2.
const fn thousand() -> Graph<1000> {
    let mut g = Graph::input(Shape::hwc(8, 8, 3)).conv2d(8, 3).batch_norm().relu();
    let mut block = 0;
    while block < BLOCKS {
        let skip = g.here();
        g = g.conv2d(8, 3).role(Role::Branch).relu().conv2d(8, 3).role(Role::BranchEnd);
        g = g.add(skip).relu();
        block += 1;
    }
    g.global_average_pool().dense(10).role(Role::Head).cross_entropy(0.0)
}

const NET: Graph<1000> = thousand();
static INFER: Plan<1000> = Plan::new(&NET, Mode::INFER, 1);
static TRAIN: Plan<1000> = Plan::new(&NET, Mode::train::<Momentum>(), 4);

#[test]
fn the_compiler_plans_a_thousand_layers() {
    assert_eq!(NET.nodes().len(), 1000);
    let weights = (27 * 8 + 8) + 4 * 8 + 2 * BLOCKS * (72 * 8 + 8) + (8 * 10 + 10);
    assert_eq!((INFER.weights, TRAIN.weights), (weights, weights));
    assert_eq!(TRAIN.state, weights - 2 * 8);
    // inference holds the skip, the branch and the sum, however deep the network is
    assert_eq!(INFER.arena, 3 * 512);
    // training holds the stem's output apart from its norm's, and two outputs a block
    let held = 4 * 512 * (2 + 2 * BLOCKS);
    assert!((held..held + 4 * 512 * 4).contains(&TRAIN.arena), "{} of {held}", TRAIN.arena);
}

/// By the program: so many small places among large ones would take the compiler too long. It plans 700 layers.
#[test]
fn bits_of_rectifiers_add_little_to_what_inference_holds() {
    let mode = Mode::train::<Momentum>().vectors().masked();
    let arena = Plan::new(black_box(&NET), mode, 4).arena;
    let bits = 4 * 512_usize.div_ceil(30) * (1 + 2 * BLOCKS);
    // and the stem's norm keeps what it has normalised
    let held = 4 * (INFER.arena + 512) + bits;
    assert!((held..held + 512).contains(&arena), "{arena} of {held}");
}

#[test]
fn a_plan_of_the_compiler_is_that_of_the_program() {
    let plan = Plan::new(black_box(&NET), Mode::train::<Momentum>(), 4);
    assert_eq!(plan.net().slots(), TRAIN.net().slots());
    assert_eq!(plan.net().nodes(), TRAIN.net().nodes());
    assert_eq!((plan.arena, plan.state), (TRAIN.arena, TRAIN.state));
}

#[test]
fn planning_a_thousand_layers_takes_no_time() {
    let mut took = vec![];
    for _ in 0..20 {
        let begun = Instant::now();
        black_box(Plan::new(black_box(&NET), Mode::train::<Momentum>(), 4).arena);
        took.push(begun.elapsed());
    }
    took.sort();
    println!("1,000 layers are planned in {:?} (median of 20; fastest {:?})", took[10], took[0]);
    // a tenth of what quadratic work costs without optimisation
    assert!(took[0].as_millis() < 10, "{took:?}");
}
