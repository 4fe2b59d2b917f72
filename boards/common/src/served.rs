//! Devices that learn from whoever talks with them: memory for one, and the loop that serves it.

use crate::{
    Board,
    uart::{Bytes, Uart},
};
use idinit::{
    device::{
        learn::{Examples, Learner, Settings},
        serve::{Identity, Room, Served},
        talk::{self, Polled, Server},
    },
    engine::{Memory, Portable},
    init::{IdInit, Initial},
    layer::Uses,
    plan::Plan,
    update::Sgd,
};

type Rule<S> = Initial<'static, IdInit, S>;
/// What learns by the layers `S`, from IDInit.
pub type Learns<S, const CLASSES: usize> = Learner<'static, S, Sgd, Rule<S>, CLASSES>;
/// The same, behind a line, where `K` keeps it.
pub type Device<S, K, const CLASSES: usize> = Served<'static, S, Sgd, Rule<S>, K, CLASSES>;

/// What a device learns, and how.
pub struct Lesson<const N: usize> {
    pub plan: &'static Plan<N>,
    pub settings: Settings,
    pub identity: Identity<'static>,
}

/// All memory of a device: examples are windows of so many numbers, of which it keeps some to learn from, and a delta
/// that comes or goes has a stage of so many bytes.
pub struct Lent<
    const WEIGHTS: usize,
    const ARENA: usize,
    const WINDOW: usize,
    const KEPT: usize,
    const STAGE: usize,
> {
    weights: [f32; WEIGHTS],
    arena: [f32; ARENA],
    inputs: [[f32; WINDOW]; KEPT],
    labels: [u32; KEPT],
    window: [f32; WINDOW],
    stage: [u8; STAGE],
}

impl<
    const WEIGHTS: usize,
    const ARENA: usize,
    const WINDOW: usize,
    const KEPT: usize,
    const STAGE: usize,
> Lent<WEIGHTS, ARENA, WINDOW, KEPT, STAGE>
{
    /// Zeros, which no flash holds.
    pub const ZEROS: Self = Self {
        weights: [0.0; WEIGHTS],
        arena: [0.0; ARENA],
        inputs: [[0.0; WINDOW]; KEPT],
        labels: [0; KEPT],
        window: [0.0; WINDOW],
        stage: [0; STAGE],
    };

    /// A device at its start, or where its keeper has it go on; none where memory is too small.
    pub fn device<S: Uses, K, const N: usize, const CLASSES: usize>(
        &'static mut self,
        lesson: Lesson<N>,
        keeper: impl FnOnce(&mut Learns<S, CLASSES>) -> Option<K>,
    ) -> Option<Device<S, K, CLASSES>> {
        let Lesson { plan, settings, identity } = lesson;
        let memory = Memory { weights: &mut self.weights, state: &mut [], arena: &mut self.arena };
        let engine = Portable::new(plan.net(), Sgd::default(), memory).ok()?;
        let start = Initial::new(plan.net().nodes(), IdInit::PAPER);
        let inputs = self.inputs.as_flattened_mut();
        let examples = Examples { inputs, labels: &mut self.labels };
        let mut learner = Learner::new(engine, start, examples, settings).ok()?;
        let keeper = keeper(&mut learner)?;
        let room = Room { window: &mut self.window, stage: &mut self.stage, numbers: &mut [] };
        Some(Served::new(learner, keeper, room, identity))
    }
}

/// Serves a device until the machine is turned off, in frames of so many bytes.
pub fn serve<B: Board, const FRAME: usize>(
    uart: Uart<impl Bytes>,
    device: Option<impl talk::Device>,
) -> ! {
    let Some(mut device) = device else { B::exit(1) };
    let mut server = Server::<_, FRAME>::new(uart);
    loop {
        // what the line lost is asked for again
        let _: Result<Polled, _> = server.poll(&mut device);
    }
}
