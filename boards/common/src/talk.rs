//! A device that learns the digits from whoever talks with it: the head of 64-32-32-10, a step for each
//! labelled picture.

use crate::{
    Board, Lend,
    nets::{CLASSES, Mlp},
    programs::largest,
    recipe::Begun,
    uart::{Bytes, Uart},
};
use idinit::{
    device::talk::{
        About, Code, Device, Inferred, Learnt, Metrics, Polled, Refusal, Server, install, pack,
    },
    engine::{Engine, Error, Memory, Portable},
    init::{IdInit, Initial},
    loss::Target,
    plan::{Mode, Plan},
    recipe::{Fingerprint, Recipe},
    update::Sgd,
};

static PLAN: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>().last(1), 1);
static WEIGHTS: Lend<[f32; PLAN.weights]> = Lend::new([0.0; PLAN.weights]);
static ARENA: Lend<[f32; PLAN.arena]> = Lend::new([0.0; PLAN.arena]);
static STAGE: Lend<[u8; STAGED]> = Lend::new([0; STAGED]);

/// Bytes for a delta: one of the head has 1,500.
const STAGED: usize = 4096;
/// Bytes of a frame: a picture goes in one.
const FRAME: usize = 288;
/// Numbers of a picture.
const IMAGE: usize = 64;
const RATE: f32 = 0.01;
const RECIPE: &str = "idinit/1 mlp hidden=32,32 idinit";
/// The same in its compact form: reading the line would take 20 KB of flash.
const COMPACT: [u8; 15] =
    [0x01, 0x02, 0x05, 0x02, 0x20, 0x20, 0x80, 0x0f, 0x09, 0xa3, 0x9c, 0xa2, 0x28, 0xfc, 0x34];
/// Labels that are recent.
const RECENT: u32 = u64::BITS;

/// The device.
pub struct Digits {
    engine: Portable<'static, Mlp, Sgd>,
    initial: Begun,
    start: Fingerprint,
    stage: &'static mut [u8],
    window: [f32; IMAGE],
    metrics: Metrics,
    /// Whether the last labels were right, a bit for each.
    last: u64,
}

impl Digits {
    /// At its start; none the second time, or where memory is too small.
    pub fn new() -> Option<Self> {
        let memory = Memory { weights: WEIGHTS.take()?, state: &mut [], arena: ARENA.take()? };
        let mut engine = Portable::new(PLAN.net(), Sgd::default(), memory).ok()?;
        engine.start(&IdInit::PAPER);
        let start = Fingerprint::of(engine.all_weights());
        let initial = Initial::new(PLAN.net().nodes(), IdInit::PAPER);
        let (stage, window) = (&mut STAGE.take()?[..], [0.0; IMAGE]);
        let metrics = Metrics { ram: RAM, budget: u32::MAX, ..Metrics::default() };
        Some(Self { engine, initial, start, stage, window, metrics, last: 0 })
    }

    fn told(&mut self) -> Result<Inferred, Refusal> {
        let mut y = [0.0; CLASSES];
        self.engine.infer(&self.window, &mut y).map_err(refused)?;
        let class = largest(&y);
        let output = y.get(class).copied().unwrap_or_default();
        Ok(Inferred { class: class as u32, output })
    }

    fn count(&mut self, right: bool) {
        let Metrics { labels, right: all, recent, recent_right, .. } = &mut self.metrics;
        *labels = labels.wrapping_add(1);
        *all = all.wrapping_add(right.into());
        self.last = self.last << 1 | u64::from(right);
        *recent = (*labels).min(RECENT) as u16;
        *recent_right = self.last.count_ones() as u16;
    }
}

/// Bytes of memory: weights, what flows between layers, a picture, a delta and two frames.
const RAM: u32 = (4 * (PLAN.weights + PLAN.arena + IMAGE) + STAGED + 2 * FRAME) as u32;

fn refused(_: Error) -> Refusal {
    Refusal::new(Code::Engine, 0, 0)
}

impl Device for Digits {
    fn about(&self) -> About<'_> {
        let (classes, weights) = (CLASSES as u32, PLAN.weights as u32);
        About { start: self.start, recipe: RECIPE, axes: 1, classes, weights, ram: RAM }
    }

    fn metrics(&self) -> Metrics {
        self.metrics
    }

    fn window(&mut self) -> &mut [f32] {
        &mut self.window
    }

    fn infer(&mut self) -> Result<Inferred, Refusal> {
        self.metrics.examples = self.metrics.examples.wrapping_add(1);
        self.told()
    }

    fn label(&mut self, label: u32) -> Result<Learnt, Refusal> {
        let Inferred { class, .. } = self.infer()?;
        self.count(class == label);
        let Metrics { paused, budget, loss, .. } = self.metrics;
        if paused || budget == 0 {
            return Ok(Learnt { class, loss, steps: 0 });
        }
        let loss =
            self.engine.train(&self.window, Target::Labels(&[label]), RATE).map_err(refused)?;
        let Metrics { steps, .. } = self.metrics;
        let budget = if budget == u32::MAX { budget } else { budget - 1 };
        self.metrics = Metrics { loss, steps: steps.wrapping_add(1), budget, ..self.metrics };
        Ok(Learnt { class, loss, steps: 1 })
    }

    fn state(&mut self) -> Fingerprint {
        Fingerprint::of(self.engine.all_weights())
    }

    fn stage(&mut self) -> &mut [u8] {
        self.stage
    }

    fn pull(&mut self) -> Result<usize, Refusal> {
        pack(
            &self.initial,
            self.engine.all_weights(),
            Recipe::from_bytes(&COMPACT).ok(),
            self.stage,
        )
    }

    fn push(&mut self, len: usize) -> Result<(), Refusal> {
        let delta = self.stage.get(..len).unwrap_or_default();
        install(&self.initial, self.start, delta, self.engine.all_weights_mut())
    }

    fn reset(&mut self) -> Result<(), Refusal> {
        self.engine.start(&IdInit::PAPER);
        let Metrics { paused, budget, ram, .. } = self.metrics;
        (self.metrics, self.last) = (Metrics { paused, budget, ram, ..Metrics::default() }, 0);
        Ok(())
    }

    fn pause(&mut self, pause: bool) -> Result<(), Refusal> {
        self.metrics.paused = pause;
        Ok(())
    }

    fn budget(&mut self, steps: u32) -> Result<(), Refusal> {
        self.metrics.budget = steps;
        Ok(())
    }
}

/// The whole program: it serves until the machine is turned off.
pub fn run<B: Board>(uart: Uart<impl Bytes>) -> ! {
    let Some(mut digits) = Digits::new() else { B::exit(1) };
    let mut server = Server::<_, FRAME>::new(uart);
    loop {
        // what the line lost is asked for again
        let _: Result<Polled, _> = server.poll(&mut digits);
    }
}
