//! Training in pieces, in the time that a device has left: every style of firmware calls
//! [`Pieces::work`] where it has nothing else to do.
//!
//! How the work is cut into pieces changes nothing in what comes of it.

use super::{
    nets::{CLASSES, Mlp},
    programs::{Say, largest},
};
use idinit::{
    data::digits::{image, test, train},
    engine::{Engine, Error, Memory, Portable},
    init::IdInit,
    loss::Target,
    plan::{Mode, Plan},
    update::Sgd,
};

static PLAN: Plan<5> = Plan::new(&Mlp::GRAPH, Mode::train::<Sgd>(), 1);
/// Numbers for the weights.
pub const WEIGHTS: usize = PLAN.weights;
/// Numbers for what flows between layers.
pub const ARENA: usize = PLAN.arena;

/// Images to learn, and images to tell afterwards. A device would go on for ever.
const IMAGES: usize = 16;
const TESTS: usize = 4;
const RATE: f32 = 0.01;

/// A network that is learning, 64-32-32-10, and how far it is.
pub struct Pieces {
    engine: Portable<'static, Mlp, Sgd>,
    learnt: usize,
    loss: f32,
}

impl Pieces {
    /// Starts from IDInit, in memory that is lent for ever.
    pub fn new(
        weights: &'static mut [f32; WEIGHTS],
        arena: &'static mut [f32; ARENA],
    ) -> Result<Self, Error> {
        let memory = Memory { weights, state: &mut [], arena };
        let mut engine = Portable::new(PLAN.net(), Sgd::default(), memory)?;
        engine.start(&IdInit::PAPER);
        Ok(Self { engine, learnt: 0, loss: 0.0 })
    }

    /// Learns at most `budget` images, and says whether there are more.
    pub fn work(&mut self, budget: usize) -> Result<bool, Error> {
        let mut x = [0.0; 64];
        for _ in 0..budget.min(IMAGES - self.learnt) {
            if let Some(label) = image(train(self.learnt), &mut x) {
                self.loss += self.engine.train(&x, Target::Labels(&[label]), RATE)?;
            }
            self.learnt += 1;
        }
        Ok(self.learnt < IMAGES)
    }

    /// Says what was learnt.
    pub fn tell(&mut self, say: Say) -> Result<(), Error> {
        let (mut x, mut y, mut right) = ([0.0; 64], [0.0; CLASSES], 0);
        for place in (0..TESTS).map(test) {
            let label = image(place, &mut x);
            self.engine.infer(&x, &mut y)?;
            right += usize::from(label == Some(largest(&y) as u32));
        }
        let (learnt, loss) = (self.learnt, self.loss / self.learnt as f32);
        say(format_args!("learnt {learnt} loss {loss} right {right} of {TESTS}\n"));
        Ok(())
    }
}
