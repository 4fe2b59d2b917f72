//! A device that learns and keeps, behind a line to a PC: a [`Learner`] and what keeps it, as
//! [`talk`](super::talk) asks them.
//!
//! ```
//! use idinit::device::keep::{Keep, RamFlash};
//! use idinit::device::learn::{Examples, Learner, Settings};
//! use idinit::device::serve::{Identity, Room, Served};
//! use idinit::device::talk::{Device, Server};
//! use idinit::engine::{Memory, Portable};
//! use idinit::init::{IdInit, Initial};
//! use idinit::{graph::Graph, layer::All, plan::{Mode, Plan}, shape::Shape, update::Sgd};
//! # use core::convert::Infallible;
//! # struct Uart;
//! # impl embedded_io::ErrorType for Uart { type Error = Infallible; }
//! # impl embedded_io::Read for Uart { fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> { Ok(0) } }
//! # impl embedded_io::ReadReady for Uart { fn read_ready(&mut self) -> Result<bool, Infallible> { Ok(false) } }
//! # impl embedded_io::Write for Uart {
//! #     fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> { Ok(bytes.len()) }
//! #     fn flush(&mut self) -> Result<(), Infallible> { Ok(()) }
//! # }
//! # impl embedded_io::WriteReady for Uart { fn write_ready(&mut self) -> Result<bool, Infallible> { Ok(true) } }
//!
//! const NET: Graph<3> = Graph::input(Shape::vector(2)).dense(4).relu().dense(2).cross_entropy(0.0);
//! static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Sgd>(), 1);
//! let (mut weights, mut arena) = ([0.0; PLAN.weights], [0.0; PLAN.arena]);
//! let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
//! let engine = Portable::<All, _>::new(PLAN.net(), Sgd::default(), memory)?;
//! let (mut inputs, mut labels) = ([0.0; 8 * 2], [0; 8]);
//! let examples = Examples { inputs: &mut inputs, labels: &mut labels };
//! let start: Initial<'_, _> = Initial::new(NET.nodes(), IdInit::PAPER);
//! let mut learner = Learner::<_, _, _, 2>::new(engine, start, examples, Settings::default())?;
//!
//! // what was kept; then all of it serves whoever asks
//! let mut keep = Keep::<_, 128>::new(RamFlash::<4_096, 1_024>::new(), 0..4_096)?;
//! keep.load(&mut learner, &mut [])?;
//! let (mut window, mut stage) = ([0.0; 2], [0; 512]);
//! let room = Room { window: &mut window, stage: &mut stage, numbers: &mut [] };
//! let mut device = Served::new(learner, keep, room, Identity::default());
//! let mut server = Server::<_, 256>::new(Uart);
//! # for _ in 0..2 {
//! // the loop of the firmware: a request, if one has come; a sensor, a button; learning
//! server.poll(&mut device)?;
//! let _ = device.learner().infer(&[0.5, -0.5])?;
//! # }
//! # assert_eq!(device.metrics().steps, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::Start;
use super::keep::{Keep, KeepError};
use super::learn::{Budget, Counters, LearnError, Learner};
use super::talk::{About, Code, Device, Inferred, Learnt, Metrics, Refusal, install, pack};
use crate::engine::Error;
use crate::layer::Uses;
use crate::recipe::{Digest, Fingerprint, Recipe};
use crate::update::Update;
use embedded_storage::nor_flash::NorFlash;

/// What keeps a device over a loss of power: a [`Keep`], or `()` where there is no flash.
pub trait Keeper {
    /// Keeps weights, as what differs from `start`, and what else belongs to them.
    ///
    /// # Errors
    /// A [`Refusal`]; what was kept before still is.
    fn keep<T: Start + ?Sized>(
        &mut self,
        start: &T,
        weights: &[f32],
        counters: Counters,
        numbers: &[f32],
    ) -> Result<(), Refusal>;
}

impl Keeper for () {
    fn keep<T: Start + ?Sized>(
        &mut self,
        _: &T,
        _: &[f32],
        _: Counters,
        _: &[f32],
    ) -> Result<(), Refusal> {
        Err(Refusal::UNSUPPORTED)
    }
}

impl<F: NorFlash, const B: usize> Keeper for Keep<F, B> {
    fn keep<T: Start + ?Sized>(
        &mut self,
        start: &T,
        weights: &[f32],
        counters: Counters,
        numbers: &[f32],
    ) -> Result<(), Refusal> {
        match self.write(start, weights, counters, numbers) {
            Ok(_) => Ok(()),
            Err(KeepError::Full { need, room }) => {
                Err(Refusal::new(Code::Room, room as u64, need as u64))
            }
            Err(KeepError::Numbers { most, got }) => {
                Err(Refusal::new(Code::Room, most as u64, got as u64))
            }
            Err(KeepError::Delta(error)) => Err(error.into()),
            Err(_) => Err(Refusal::new(Code::Flash, 0, 0)),
        }
    }
}

/// Memory that is lent to a served device.
#[derive(Debug)]
pub struct Room<'a> {
    /// A window that comes from a PC: as many numbers as the network takes in.
    pub window: &'a mut [f32],
    /// A delta that comes or goes; a longer one is refused. Empty where none is exchanged.
    pub stage: &'a mut [u8],
    /// What is kept beside the weights: how a sensor's axes are
    /// [standardised](super::sense::Standard::numbers). The loop of the firmware keeps it up to date.
    pub numbers: &'a mut [f32],
}

/// What a device says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The line of the recipe of its start; empty where it has none.
    pub line: &'a str,
    /// The recipe, for deltas. (Reading it from the line would take 20 KB of flash: from its
    /// [bytes](Recipe::from_bytes), it takes next to none.)
    pub recipe: Option<Recipe>,
    /// Axes of a window: channels of a sensor, or 1.
    pub axes: u32,
    /// Steps of training behind each label that comes from a PC.
    pub steps: u32,
}

impl Default for Identity<'_> {
    /// No recipe, one axis, a step behind each label.
    fn default() -> Self {
        Self { line: "", recipe: None, axes: 1, steps: 1 }
    }
}

/// A [`Learner`] that a PC can ask, and give to. What a PC's windows teach is what the firmware's own loop
/// teaches: both go through the same learner.
#[derive(Debug)]
pub struct Served<'a, S, U, T, K, const CLASSES: usize> {
    learner: Learner<'a, S, U, T, CLASSES>,
    keeper: K,
    room: Room<'a>,
    identity: Identity<'a>,
    start: Fingerprint,
    examples: u32,
    lost: u32,
    saves: u32,
    budget: u32,
    paused: bool,
}

impl<'a, S: Uses, U: Update, T: Start, K, const CLASSES: usize> Served<'a, S, U, T, K, CLASSES> {
    /// A learner, at its start or where it was kept, and what keeps it.
    pub fn new(
        learner: Learner<'a, S, U, T, CLASSES>,
        keeper: K,
        room: Room<'a>,
        identity: Identity<'a>,
    ) -> Self {
        let start = fingerprint(learner.start());
        let (examples, lost, saves, budget, paused) = (0, 0, 0, u32::MAX, false);
        Self { learner, keeper, room, identity, start, examples, lost, saves, budget, paused }
    }

    /// The learner, for the firmware's own loop.
    pub const fn learner(&mut self) -> &mut Learner<'a, S, U, T, CLASSES> {
        &mut self.learner
    }

    /// What keeps it.
    pub const fn keeper(&mut self) -> &mut K {
        &mut self.keeper
    }

    /// What is kept beside the weights.
    pub const fn numbers(&mut self) -> &mut [f32] {
        self.room.numbers
    }

    /// Tells whoever asks that so many samples were lost since the start.
    pub const fn lose(&mut self, samples: u32) {
        self.lost = samples;
    }

    /// Learns for a while, as [`Learner::work`] does, but not while a PC has said to pause, nor beyond the
    /// steps that it has left. Returns the steps taken.
    ///
    /// # Errors
    /// Those of [`Learner::work`].
    pub fn work<C: FnMut() -> u64>(&mut self, budget: Budget<C>) -> Result<u32, LearnError> {
        if self.paused {
            return Ok(0);
        }
        let steps = self.learner.work(budget.and_steps(self.budget), |_| ())?;
        if self.budget != u32::MAX {
            self.budget -= steps.min(self.budget);
        }
        Ok(steps)
    }
}

/// The fingerprint of a start, taken by windows.
fn fingerprint<T: Start + ?Sized>(start: &T) -> Fingerprint {
    let (mut digest, mut page, count) = (Digest::new(), [0.0; 32], start.len());
    for from in (0..count).step_by(page.len()) {
        let here = page.len().min(count - from);
        let page = page.get_mut(..here).unwrap_or_default();
        // a start that has no windows is refused when its learner is made
        let _ = start.fill_window(from, page);
        digest.update(page);
    }
    digest.finish()
}

impl From<LearnError> for Refusal {
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::Label { got, classes } => {
                Self::new(Code::Class, classes as u64, got.into())
            }
            LearnError::Input { need, got } => Self::new(Code::Place, need as u64, got as u64),
            LearnError::Setback(Error::Diverged { node }) => {
                Self::new(Code::Engine, 0, node as u64)
            }
            _ => Self::new(Code::Engine, 0, 0),
        }
    }
}

impl<S: Uses, U: Update, T: Start, K: Keeper, const CLASSES: usize> Device
    for Served<'_, S, U, T, K, CLASSES>
{
    fn about(&self) -> About<'_> {
        About {
            start: self.start,
            recipe: self.identity.line,
            axes: self.identity.axes,
            classes: CLASSES as u32,
            weights: self.learner.start().len() as u32,
            ram: self.memory(),
        }
    }

    fn metrics(&self) -> Metrics {
        let learnt = self.learner.metrics();
        let (recent_right, recent) = learnt.recent();
        let Counters { steps, labels, right } = learnt.counters;
        Metrics {
            steps: steps as u32,
            examples: self.examples,
            labels: labels as u32,
            right: right as u32,
            recent_right: recent_right as u16,
            recent: recent as u16,
            loss: loss(learnt.loss),
            lost: self.lost,
            ram: self.memory(),
            saves: self.saves,
            budget: self.budget,
            paused: self.paused,
        }
    }

    fn window(&mut self) -> &mut [f32] {
        self.room.window
    }

    fn infer(&mut self) -> Result<Inferred, Refusal> {
        self.examples = self.examples.wrapping_add(1);
        let guess = self.learner.infer(self.room.window)?;
        Ok(Inferred { class: guess.class, output: guess.confidence })
    }

    fn label(&mut self, label: u32) -> Result<Learnt, Refusal> {
        self.examples = self.examples.wrapping_add(1);
        let labelled = self.learner.label(self.room.window, label)?;
        let class = labelled.guess.class;
        match self.work(Budget::steps(self.identity.steps)) {
            Ok(steps) => Ok(Learnt { class, loss: loss(self.learner.metrics().loss), steps }),
            // the label was taken, so that a refusal would say too much
            Err(LearnError::Setback(_)) => Ok(Learnt { class, loss: f32::NAN, steps: 0 }),
            Err(error) => Err(error.into()),
        }
    }

    fn state(&mut self) -> Fingerprint {
        Fingerprint::of(self.learner.weights())
    }

    fn stage(&mut self) -> &mut [u8] {
        self.room.stage
    }

    fn pull(&mut self) -> Result<usize, Refusal> {
        let (start, weights) = (self.learner.start(), self.learner.weights());
        pack(start, weights, self.identity.recipe, self.room.stage)
    }

    fn push(&mut self, len: usize) -> Result<(), Refusal> {
        let delta = self.room.stage.get(..len).unwrap_or_default();
        let counters = self.learner.metrics().counters;
        let (start, weights) = self.learner.replace();
        install(start, self.start, delta, weights)?;
        self.learner.resume(counters);
        Ok(())
    }

    fn save(&mut self) -> Result<(), Refusal> {
        let counters = self.learner.metrics().counters;
        let (start, weights) = (self.learner.start(), self.learner.weights());
        self.keeper.keep(start, weights, counters, self.room.numbers)?;
        self.saves = self.saves.wrapping_add(1);
        Ok(())
    }

    /// What was kept stays until the next save.
    fn reset(&mut self) -> Result<(), Refusal> {
        self.learner.start_over()?;
        self.examples = 0;
        Ok(())
    }

    fn pause(&mut self, pause: bool) -> Result<(), Refusal> {
        self.paused = pause;
        Ok(())
    }

    fn budget(&mut self, steps: u32) -> Result<(), Refusal> {
        self.budget = steps;
        Ok(())
    }
}

impl<S, U, T, K, const CLASSES: usize> Served<'_, S, U, T, K, CLASSES>
where
    S: Uses,
    U: Update,
    T: Start,
{
    /// Bytes of memory that learning and the line use.
    fn memory(&self) -> u32 {
        let Room { window, stage, numbers } = &self.room;
        let lent = size_of_val(*window) + size_of_val(*stage) + size_of_val(*numbers);
        let own = size_of::<Self>() - size_of::<Learner<'_, S, U, T, CLASSES>>();
        self.learner.metrics().memory.saturating_add((lent + own) as u32)
    }
}

/// A loss as the line has it: 0 before the first step.
const fn loss(loss: f32) -> f32 {
    if loss.is_finite() { loss } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::keep::RamFlash;
    use crate::device::learn::{Examples, Settings};
    use crate::engine::{Memory, Portable};
    use crate::graph::Graph;
    use crate::init::{IdInit, Initial};
    use crate::layer::All;
    use crate::plan::{Mode, Plan};
    use crate::shape::Shape;
    use crate::update::Sgd;

    const NET: Graph<3> =
        Graph::input(Shape::vector(2)).dense(4).relu().dense(2).cross_entropy(0.0);
    static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Sgd>(), 1);

    type Flash = RamFlash<4_096, 1_024>;

    /// Calls `run` with a device whose flash holds what is kept.
    fn served<R>(
        flash: &mut Flash,
        run: impl FnOnce(&mut dyn Device, &mut dyn FnMut(&mut dyn Device) -> Fingerprint) -> R,
    ) -> R {
        let (mut weights, mut arena) = ([0.0; PLAN.weights], [0.0; PLAN.arena]);
        let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
        let engine = Portable::<All, _>::new(PLAN.net(), Sgd::default(), memory).unwrap();
        let (mut inputs, mut labels) = ([0.0; 8 * 2], [0; 8]);
        let examples = Examples { inputs: &mut inputs, labels: &mut labels };
        let start: Initial<'_, _> = Initial::new(NET.nodes(), IdInit::PAPER);
        let settings = Settings { rate: 0.1, ..Settings::default() };
        let mut learner = Learner::<_, _, _, 2>::new(engine, start, examples, settings).unwrap();
        let mut keep = Keep::<_, 128>::new(flash, 0..4_096).unwrap();
        keep.load(&mut learner, &mut []).unwrap();
        let (mut window, mut stage) = ([0.0; 2], [0; 512]);
        let room = Room { window: &mut window, stage: &mut stage, numbers: &mut [] };
        let mut device = Served::new(learner, keep, room, Identity::default());
        run(&mut device, &mut |device| device.state())
    }

    fn label(device: &mut dyn Device, k: usize) -> Learnt {
        let side = k % 2;
        device.window().copy_from_slice(&[side as f32 - 0.5, 1.0]);
        device.label(side as u32).unwrap()
    }

    #[test]
    fn a_label_takes_the_steps_that_it_may() {
        served(&mut Flash::new(), |device, _| {
            assert_eq!(label(device, 0).steps, 1);
            device.budget(3).unwrap();
            let steps: u32 = (0..5).map(|k| label(device, k).steps).sum();
            assert_eq!((steps, device.metrics().budget, device.metrics().steps), (3, 0, 4));
            device.budget(u32::MAX).unwrap();
            device.pause(true).unwrap();
            assert_eq!(label(device, 0).steps, 0);
            device.pause(false).unwrap();
            assert_eq!(label(device, 0).steps, 1);
            assert_eq!(device.metrics().labels, 8);
        });
    }

    #[test]
    fn what_is_saved_outlives_the_power_and_what_is_pushed_comes_back() {
        let mut flash = Flash::new();
        let (start, learnt) = served(&mut flash, |device, state| {
            let start = state(device);
            (0..20).for_each(|k| assert_eq!(label(device, k).steps, 1));
            device.save().unwrap();
            let learnt = state(device);
            assert_ne!(start, learnt);
            // there and back
            let len = device.pull().unwrap();
            device.reset().unwrap();
            assert_eq!((state(device), device.metrics().recent), (start, 0));
            device.push(len).unwrap();
            assert_eq!(state(device), learnt);
            // damage changes nothing
            device.stage()[len / 2] ^= 4;
            assert!(device.push(len).is_err());
            assert_eq!(state(device), learnt);
            device.reset().unwrap();
            (start, learnt)
        });
        served(&mut flash, |device, state| {
            assert_eq!((state(device), device.metrics().steps), (learnt, 20));
            assert_eq!(device.about().start, start);
            assert!(device.about().ram > 512);
        });
    }

    #[test]
    fn a_setback_is_told_with_the_label() {
        served(&mut Flash::new(), |device, state| {
            let start = state(device);
            assert_eq!(label(device, 0).steps, 1);
            device.window().fill(1e30);
            let back = device.label(1).unwrap();
            assert!(back.loss.is_nan() && back.steps == 0);
            assert_eq!(state(device), start);
        });
    }
}
