//! A device that learns digits, loses its power, and goes on: what `tests/firmware.rs` does on the host, too.

use super::{nets::Mlp, programs::Say};
use core::fmt;
use idinit::{
    data::digits::{TEST, image, test, train},
    device::{
        keep::{Keep, KeepError, Loaded, RamFlash},
        learn::{Budget, Examples, LearnError, Learner, Settings},
    },
    engine::{Error, Memory, Portable},
    init::{IdInit, Initial},
    plan::{Mode, Plan},
    recipe::Fingerprint,
    update::Sgd,
};

/// 64-32-32-10, of which the last layer learns, or all.
static HEAD: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>().last(1), 1);
static ALL: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);

/// Examples that are kept, ten of each digit.
const KEPT: usize = 100;
/// Digits that are labelled at each power-up, and steps behind each.
const LABELLED: usize = 150;
const STEPS: u32 = 6;
/// Test images that are asked.
const TESTS: usize = TEST / 10;

/// The range of flash, in bytes, its pages, and the items in it.
const FLASH: usize = 65_536;
const PAGE: usize = 4_096;
const ITEM: usize = 256;

type Flash = RamFlash<FLASH, PAGE>;
type Rule = Initial<'static, IdInit, Mlp>;
type Device<'a> = Learner<'a, Mlp, Sgd, Rule, 10>;

/// Why the device went no further.
#[derive(Debug)]
pub enum Failed {
    /// Its learning.
    Learn(LearnError),
    /// Its flash.
    Keep(KeepError<embedded_storage::nor_flash::NorFlashErrorKind>),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Learn(error) => error.fmt(f),
            Self::Keep(error) => error.fmt(f),
        }
    }
}

impl From<LearnError> for Failed {
    fn from(error: LearnError) -> Self {
        Self::Learn(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Learn(error.into())
    }
}

impl From<KeepError<embedded_storage::nor_flash::NorFlashErrorKind>> for Failed {
    fn from(error: KeepError<embedded_storage::nor_flash::NorFlashErrorKind>) -> Self {
        Self::Keep(error)
    }
}

/// Learns the last layer, loses power, learns it on, loses power, learns all layers; then its flash is
/// damaged, and it begins with the rule once more.
pub fn learn(memory: Memory, say: Say) -> Result<(), Failed> {
    let Memory { weights, state, arena } = memory;
    let mut flash = Flash::new();
    for (power_up, plan, name) in [(0, &HEAD, "head"), (1, &HEAD, "head"), (2, &ALL, "all")] {
        let memory = Memory { weights: &mut *weights, state: &mut *state, arena: &mut *arena };
        powered(plan, memory, &mut flash, say, |device, say| {
            labelled(device, power_up * LABELLED, name, say)
        })?;
    }
    // zeros are what a chip leaves whose erasure was cut
    flash.bytes().fill(0);
    let memory = Memory { weights, state, arena };
    powered(&ALL, memory, &mut flash, say, |_, _| Ok(()))
}

/// One power-up: memory holds anything, all that is known is in flash.
fn powered(
    plan: &'static Plan<5>,
    memory: Memory,
    flash: &mut Flash,
    say: Say,
    run: impl FnOnce(&mut Device, Say) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let Memory { weights, state, arena } = memory;
    for memory in [&mut *weights, &mut *state, &mut *arena] {
        memory.fill(f32::NAN);
    }
    let (mut inputs, mut labels) = ([f32::NAN; KEPT * 64], [0; KEPT]);
    let memory = Memory { weights, state, arena };
    let engine = Portable::<Mlp, _>::new(plan.net(), Sgd::default(), memory)?;
    let start = Initial::new(plan.net().nodes(), IdInit::PAPER);
    let examples = Examples { inputs: &mut inputs, labels: &mut labels };
    let settings = Settings { rate: 0.03, ..Settings::default() };
    let mut device = Device::new(engine, start, examples, settings)?;
    let mut keep = Keep::<_, ITEM>::new(flash, 0..FLASH as u32)?;

    let Loaded { generation, bytes, counters, ignored } = keep.load(&mut device, &mut [])?;
    match (generation, ignored) {
        (_, Some(ignored)) => say(format_args!("power: {ignored}\n")),
        (None, None) => say(format_args!("power: nothing is kept\n")),
        (Some(generation), None) => say(format_args!(
            "power: generation {generation} of {bytes} bytes, {} steps\n",
            counters.steps
        )),
    }
    print(&mut device, say)?;
    run(&mut device, say)?;

    let saved = keep.save(&device, &[])?;
    let (generation, room) = (saved.generation, keep.room());
    say(format_args!("kept: generation {generation} of {} bytes, room {room}\n", saved.bytes));
    Ok(())
}

/// Labels digits and learns behind each; says how it went.
fn labelled(device: &mut Device, first: usize, name: &str, say: Say) -> Result<(), Failed> {
    let mut x = [0.0; 64];
    for k in first..first + LABELLED {
        let label = image(train(k), &mut x).unwrap_or_default();
        device.label(&x, label)?;
        device.work(Budget::steps(STEPS), |_| ())?;
    }
    let metrics = device.metrics();
    let ((right, of), counters) = (metrics.recent(), metrics.counters);
    say(format_args!(
        "learnt {name}: steps {} labels {} right {right} of the last {of}, loss {}, examples {}\n",
        counters.steps, counters.labels, metrics.loss, metrics.kept
    ));
    print(device, say)
}

/// Says the bits of all weights, and how many test images are told right.
fn print(device: &mut Device, say: Say) -> Result<(), Failed> {
    let (mut x, mut right) = ([0.0; 64], 0);
    for place in (0..TESTS).map(test) {
        let label = image(place, &mut x).unwrap_or_default();
        right += usize::from(device.infer(&x)?.class == label);
    }
    let bits = Fingerprint::of(device.weights());
    say(format_args!("fingerprint weights {bits}, right {right} of {TESTS}\n"));
    Ok(())
}
