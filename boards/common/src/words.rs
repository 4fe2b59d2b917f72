//! How a device learns spoken words that are new to it: what the board, `tests/device_tasks.rs` and
//! `examples/device_tasks` have in common.

use super::nets::Spoken;
use idinit::{
    device::learn::Settings,
    plan::{Mode, Plan},
    update::Sgd,
};

/// The last layer learns, one word at a time.
pub static PLAN: Plan<11> = Plan::new(&Spoken::GRAPH, Mode::train::<Sgd>().last(1), 1);
/// Labelled words that are kept, five of each.
pub const KEPT: usize = 50;
/// Steps of training behind each label.
pub const STEPS: u32 = 10;
/// How it learns.
pub const SETTINGS: Settings = Settings { rate: 0.005, batch: 1, by_class: true, seed: 0 };
