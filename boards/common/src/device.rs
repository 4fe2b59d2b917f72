//! A device that learns digits, keeps what it has learnt in flash, loses its power, and goes on: what
//! `tests/firmware.rs` does on the host, too. All of it has room in 128 KiB of memory.

use super::{nets::Mlp, programs::Say};
use core::fmt;
use embedded_storage::nor_flash::NorFlash;
use idinit::{
    data::digits::{TEST, image, test, train},
    device::{
        keep::{Keep, KeepError, Loaded, RamFlash},
        learn::{Budget, Examples, LearnError, Learner, Settings},
    },
    engine::{Memory, Portable},
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
/// Bytes of an item in flash.
const ITEM: usize = 256;

/// Memory for flash, where a board has none to spare: two generations of all weights, and a page that is free.
pub type Flash = RamFlash<{ 9 * 4_096 }, 4_096>;

type Rule = Initial<'static, IdInit, Mlp>;
type Device<'a> = Learner<'a, Mlp, Sgd, Rule, 10>;

/// How much is learnt.
#[derive(Clone, Copy)]
pub struct Lesson {
    /// Digits that are labelled at each power-up, and steps behind each.
    labelled: usize,
    steps: u32,
    /// Test images that are asked.
    tests: usize,
    /// Whether all layers learn in the end.
    all: bool,
}

impl Lesson {
    /// Until it tells most of the digits.
    pub const FULL: Self = Self { labelled: 150, steps: 6, tests: TEST / 10, all: true };
    /// Until something has changed, for an emulator, in 32 KiB of flash.
    pub const BRIEF: Self = Self { labelled: 20, steps: 1, tests: 4, all: false };
}

/// All memory that learning needs.
pub struct Lent {
    weights: [f32; ALL.weights],
    arena: [f32; larger(HEAD.arena, ALL.arena)],
    inputs: [f32; KEPT * 64],
    labels: [u32; KEPT],
}

impl Lent {
    /// Zeros, which no flash holds.
    pub const ZEROS: Self = Self {
        weights: [0.0; ALL.weights],
        arena: [0.0; larger(HEAD.arena, ALL.arena)],
        inputs: [0.0; KEPT * 64],
        labels: [0; KEPT],
    };
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Why the device went no further.
#[derive(Debug)]
pub enum Failed<E> {
    /// Its learning.
    Learn(LearnError),
    /// Its flash.
    Keep(KeepError<E>),
}

impl<E: fmt::Debug> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Learn(error) => error.fmt(f),
            Self::Keep(error) => error.fmt(f),
        }
    }
}

impl<E> From<LearnError> for Failed<E> {
    fn from(error: LearnError) -> Self {
        Self::Learn(error)
    }
}

impl<E> From<KeepError<E>> for Failed<E> {
    fn from(error: KeepError<E>) -> Self {
        Self::Keep(error)
    }
}

/// Learns the last layer, loses power, learns it on, loses power, learns all layers; then its flash is
/// damaged, and it begins with the rule once more. The flash is this program's.
pub fn learn<F: NorFlash>(
    lesson: Lesson,
    lent: &mut Lent,
    flash: &mut F,
    say: Say,
) -> Result<(), Failed<F::Error>> {
    let end = flash.capacity() as u32;
    // so that it says the same whenever it runs
    flash.erase(0, end).map_err(KeepError::Flash)?;
    let last = if lesson.all { (&ALL, "all") } else { (&HEAD, "head") };
    for (power_up, (plan, name)) in [(&HEAD, "head"), (&HEAD, "head"), last].into_iter().enumerate()
    {
        powered(plan, lesson, lent, flash, say, |device, say| {
            labelled(device, power_up * lesson.labelled, lesson, name, say)
        })?;
    }
    // zeros are what a chip leaves whose erasure was cut
    for at in (0..end).step_by(ITEM) {
        flash.write(at, &[0; ITEM]).map_err(KeepError::Flash)?;
    }
    powered(last.0, lesson, lent, flash, say, |_, _| Ok(()))
}

/// One power-up: memory holds anything, all that is known is in flash.
fn powered<F: NorFlash>(
    plan: &'static Plan<5>,
    lesson: Lesson,
    lent: &mut Lent,
    flash: &mut F,
    say: Say,
    run: impl FnOnce(&mut Device, Say) -> Result<(), LearnError>,
) -> Result<(), Failed<F::Error>> {
    let Lent { weights, arena, inputs, labels } = lent;
    for memory in [&mut weights[..], arena, inputs] {
        memory.fill(f32::NAN);
    }
    let arena = arena.get_mut(..plan.arena).unwrap_or_default();
    let memory = Memory { weights, state: &mut [], arena };
    let engine =
        Portable::<Mlp, _>::new(plan.net(), Sgd::default(), memory).map_err(LearnError::from)?;
    let start = Initial::new(plan.net().nodes(), IdInit::PAPER);
    let settings = Settings { rate: 0.03, ..Settings::default() };
    let mut device = Device::new(engine, start, Examples { inputs, labels }, settings)?;
    let range = 0..flash.capacity() as u32;
    let mut keep = Keep::<_, ITEM>::new(flash, range)?;

    let Loaded { generation, bytes, counters, ignored } = keep.load(&mut device, &mut [])?;
    match (generation, ignored) {
        (_, Some(ignored)) => say(format_args!("power: {ignored}\n")),
        (None, None) => say(format_args!("power: nothing is kept\n")),
        (Some(generation), None) => say(format_args!(
            "power: generation {generation} of {bytes} bytes, {} steps\n",
            counters.steps
        )),
    }
    print(&mut device, lesson, say)?;
    run(&mut device, say)?;

    let saved = keep.save(&device, &[])?;
    let (generation, room) = (saved.generation, keep.room());
    say(format_args!("kept: generation {generation} of {} bytes, room {room}\n", saved.bytes));
    Ok(())
}

/// Labels digits and learns behind each; says how it went.
fn labelled(
    device: &mut Device,
    first: usize,
    lesson: Lesson,
    name: &str,
    say: Say,
) -> Result<(), LearnError> {
    let mut x = [0.0; 64];
    for k in first..first + lesson.labelled {
        let label = image(train(k), &mut x).unwrap_or_default();
        device.label(&x, label)?;
        device.work(Budget::steps(lesson.steps), |_| ())?;
    }
    let metrics = device.metrics();
    let ((right, of), counters) = (metrics.recent(), metrics.counters);
    say(format_args!(
        "learnt {name}: steps {} labels {} right {right} of the last {of}, loss {}, examples {}\n",
        counters.steps, counters.labels, metrics.loss, metrics.kept
    ));
    print(device, lesson, say)
}

/// Says the bits of all weights, and how many test images are told right.
fn print(device: &mut Device, lesson: Lesson, say: Say) -> Result<(), LearnError> {
    let (mut x, mut right) = ([0.0; 64], 0);
    for place in (0..lesson.tests).map(test) {
        let label = image(place, &mut x).unwrap_or_default();
        right += usize::from(device.infer(&x)?.class == label);
    }
    let bits = Fingerprint::of(device.weights());
    say(format_args!("fingerprint weights {bits}, right {right} of {}\n", lesson.tests));
    Ok(())
}
