//! A device that learns, put together: sensors, labels, flash whose power is cut, and all of it at once.

mod cuts;
mod flash;
mod foreign;

#[cfg(feature = "bmi160")]
mod imu;
mod learner;
mod stand;
mod wear;

use flash::Tear;
use idinit::device::keep::{Ignored, Keep, KeepError, Loaded};
use idinit::device::learn::Counters;
use idinit::rule::philox;

/// The start of what is kept here: zeros, but for a few ones.
fn start() -> [f32; 48] {
    core::array::from_fn(|i| f32::from(u8::from(i % 7 == 0)))
}

/// What is kept: weights, counters and numbers.
#[derive(Clone, Debug, PartialEq)]
struct State {
    weights: [f32; 48],
    counters: Counters,
    numbers: [f32; 3],
}

impl State {
    /// What learning `number` times has made of the start: eight weights in other places have moved.
    fn of(number: u32) -> Self {
        let mut weights = start();
        for i in 0..8 {
            let [place, value, ..] = philox([number, i, 0, 0], [1, 2]);
            weights[place as usize % 48] = value as f32 / 4e9;
        }
        let counters = Counters { steps: number.into(), labels: 7, right: 3 };
        Self { weights, counters, numbers: [number as f32, 0.5, -1.0] }
    }

    /// What nothing that is kept comes to.
    fn fresh() -> Self {
        Self { weights: start(), counters: Counters::default(), numbers: [f32::MAX; 3] }
    }
}

/// How a unit can be torn, what is left to chance by lot.
fn tears(lot: u32) -> [Tear; 8] {
    let [a, b, c, _] = [0, 1, 2, 3].map(|i| Tear::Bits(lot ^ i));
    [Tear::Before, Tear::After, Tear::Half, Tear::Tail, Tear::Zeros, a, b, c]
}

/// A store of items of 96 bytes in a flash of these tests.
type Small<'a> = Keep<&'a mut flash::Nor, 96>;

/// A store in all of a flash.
fn keep(flash: &mut flash::Nor) -> Small<'_> {
    let end = flash.len();
    Keep::new(flash, 0..end).unwrap()
}

/// Saves a state.
fn save(keep: &mut Small<'_>, state: &State) -> Result<(), KeepError<flash::Failed>> {
    keep.write(&start()[..], &state.weights, state.counters, &state.numbers).map(|_| ())
}

/// Loads what is there.
fn load(keep: &mut Small<'_>) -> (State, Option<Ignored>) {
    let mut state = State { weights: [f32::NAN; 48], ..State::fresh() };
    let loaded: Loaded = keep.read(&start()[..], &mut state.weights, &mut state.numbers).unwrap();
    state.counters = loaded.counters;
    (state, loaded.ignored)
}
