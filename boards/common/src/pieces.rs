//! A device that learns digits in the time that it has left: every style of firmware takes a labelled picture when
//! one is due, and calls [`Pieces::work`] where it has nothing else to do.
//!
//! How the work is cut into pieces, by steps or by any clock, changes nothing in what comes of it, since a picture
//! waits until the steps behind the one before are taken.

use super::{nets::Mlp, programs::Say};
use idinit::{
    data::digits::{image, test, train},
    device::learn::{Budget, Examples, LearnError, Learner, Settings},
    engine::{Memory, Portable},
    init::{IdInit, Initial},
    plan::{Mode, Plan},
    recipe::Fingerprint,
    update::Sgd,
};

/// 64-32-32-10.
static PLAN: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);

/// Pictures that are labelled, steps behind each, and pictures that are asked afterwards. A device would go on for
/// ever.
const LABELLED: usize = 16;
const STEPS: u32 = 2;
const TESTS: usize = 4;
/// Examples that are kept, two of each digit.
const KEPT: usize = 20;

/// A picture, and what somebody says it is.
pub struct Digit {
    picture: [f32; 64],
    label: u32,
}

/// A sensor and a button, made up: digits one after the other.
pub struct Digits {
    shown: usize,
}

impl Digits {
    /// Before the first.
    pub const NEW: Self = Self { shown: 0 };
}

impl Iterator for Digits {
    type Item = Digit;

    fn next(&mut self) -> Option<Digit> {
        let mut picture = [0.0; 64];
        let label = image(train(self.shown), &mut picture)?;
        self.shown += 1;
        Some(Digit { picture, label })
    }
}

/// All memory that learning needs, of a static.
pub struct Lent {
    weights: [f32; PLAN.weights],
    arena: [f32; PLAN.arena],
    inputs: [f32; KEPT * 64],
    labels: [u32; KEPT],
}

impl Lent {
    /// Zeros, which no flash holds.
    pub const ZEROS: Self = Self {
        weights: [0.0; PLAN.weights],
        arena: [0.0; PLAN.arena],
        inputs: [0.0; KEPT * 64],
        labels: [0; KEPT],
    };
}

/// A network that is learning, and how many steps it still owes to the last picture.
pub struct Pieces {
    learner: Learner<'static, Mlp, Sgd, Initial<'static, IdInit, Mlp>, 10>,
    due: u32,
}

impl Pieces {
    /// Starts from IDInit, in memory that is lent for ever.
    pub fn new(lent: &'static mut Lent) -> Result<Self, LearnError> {
        let Lent { weights, arena, inputs, labels } = lent;
        let memory = Memory { weights, state: &mut [], arena };
        let engine = Portable::new(PLAN.net(), Sgd::default(), memory)?;
        let start = Initial::new(PLAN.net().nodes(), IdInit::PAPER);
        let learner =
            Learner::new(engine, start, Examples { inputs, labels }, Settings::default())?;
        Ok(Self { learner, due: 0 })
    }

    /// Whether the next picture may come.
    pub fn is_idle(&self) -> bool {
        self.due == 0
    }

    /// Whether all is learnt.
    pub fn is_done(&self) -> bool {
        self.is_idle() && self.learner.metrics().counters.labels >= LABELLED as u64
    }

    /// Takes a labelled picture. Where it owes steps, it takes these first.
    pub fn label(&mut self, digit: &Digit) -> Result<(), LearnError> {
        self.work(Budget::steps(u32::MAX))?;
        self.learner.label(&digit.picture, digit.label)?;
        self.due = STEPS;
        Ok(())
    }

    /// Takes steps that it owes, until the budget is spent.
    pub fn work<C: FnMut() -> u64>(&mut self, budget: Budget<C>) -> Result<(), LearnError> {
        self.due -= self.learner.work(budget.and_steps(self.due), |_| ())?;
        Ok(())
    }

    /// Says what was learnt.
    pub fn tell(&mut self, say: Say) -> Result<(), LearnError> {
        let (mut x, mut right) = ([0.0; 64], 0);
        for place in (0..TESTS).map(test) {
            let label = image(place, &mut x);
            right += usize::from(label == Some(self.learner.infer(&x)?.class));
        }
        let (metrics, bits) = (self.learner.metrics(), Fingerprint::of(self.learner.weights()));
        let ((guessed, of), steps) = (metrics.recent(), metrics.counters.steps);
        say(format_args!(
            "learnt {steps} steps, loss {}, {guessed} of {of} told before; then right {right} of {TESTS}, weights \
             {bits}\n",
            metrics.loss
        ));
        Ok(())
    }
}
