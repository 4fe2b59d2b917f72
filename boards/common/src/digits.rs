//! How a board learns the digits from whoever talks with it: what the board and `tests/device_talk.rs` have in
//! common.

use super::nets::Mlp;
use idinit::{
    device::learn::Settings,
    plan::{Mode, Plan},
    update::Sgd,
};

/// The head of 64-32-32-10 learns, one picture at a time.
pub static PLAN: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>().last(1), 1);
/// Its start.
pub const RECIPE: &str = "idinit/1 mlp hidden=32,32 idinit";
/// Numbers of a picture.
pub const PICTURE: usize = 64;
/// Labelled pictures that are kept, ten of each digit.
pub const KEPT: usize = 100;
/// Steps of training behind each label.
pub const STEPS: u32 = 1;
/// How it learns.
pub const SETTINGS: Settings = Settings { rate: 0.02, batch: 1, by_class: true, seed: 0 };
