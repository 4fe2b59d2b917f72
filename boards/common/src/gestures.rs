//! How a watch learns its wearer's exercises: what the board, `tests/device_tasks.rs` and
//! `examples/device_tasks` have in common.

use super::nets::Gestures;
use idinit::{
    device::learn::Settings,
    plan::{Mode, Plan},
    update::Sgd,
};

/// All layers learn, one window at a time.
pub static PLAN: Plan<11> = Plan::new(&Gestures::GRAPH, Mode::train::<Sgd>(), 1);
/// Labelled windows that are kept, six of each exercise.
pub const KEPT: usize = 42;
/// Steps of training behind each label.
pub const STEPS: u32 = 10;
/// How it learns.
pub const SETTINGS: Settings = Settings { rate: 0.005, batch: 1, by_class: true, seed: 0 };
