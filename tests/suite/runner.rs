//! A case with its numbers, and an engine over memory that holds what the test wants it to hold.

use super::cases::{Case, ROOM};
use super::definition::{self, Purpose};
use super::token_layers;
use idinit::engine::{Engine, Memory, Portable};
use idinit::layer::All;
use idinit::loss::{Loss, Target};
use idinit::plan::{Mode, Plan};
use idinit::update::{Momentum, Update};
use std::str::FromStr;

/// SplitMix64 (Steele et al. 2014): a stream of generic numbers that no rule of the crate knows.
pub struct Chance(pub u64);

impl Chance {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Uniform between two bounds.
    pub fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.word() >> 40) as f32 / 16_777_216.0)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.word() % n
    }
}

/// What a batch should come to.
#[derive(Clone, Debug)]
pub enum Wanted {
    Labels(Vec<u32>),
    Values(Vec<f32>),
}

impl Wanted {
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::Labels(labels) => Target::Labels(labels),
            Self::Values(values) => Target::Values(values),
        }
    }
}

/// The numbers of a case: generic weights, a batch, its target.
#[derive(Clone, Debug)]
pub struct Numbers {
    pub w: Vec<f32>,
    pub x: Vec<f32>,
    pub wanted: Wanted,
}

impl Numbers {
    pub fn of(case: &Case) -> Self {
        let mut chance = Chance(case.seed);
        let mut w = vec![];
        for node in case.graph.nodes() {
            for (len, purpose) in definition::parts(node) {
                w.extend((0..len).map(|_| match purpose {
                    Purpose::Matrix { fan_in } => {
                        chance.within(-1.0, 1.0) * (3.0 / fan_in as f32).sqrt()
                    }
                    Purpose::Bias | Purpose::RunningMean => chance.within(-0.5, 0.5),
                    Purpose::Scale | Purpose::RunningVariance => chance.within(0.5, 1.5),
                }));
            }
        }
        let mut numbers = Self { w, x: vec![], wanted: Wanted::Labels(vec![]) };
        numbers.next_batch(case, case.batch, &mut chance);
        numbers
    }

    /// Another batch for the same weights.
    pub fn next_batch(&mut self, case: &Case, batch: usize, chance: &mut Chance) {
        let (inputs, output) = (case.graph.input_shape().len(), case.graph.output());
        let tokens = token_layers::alphabet(&case.graph);
        let input = |_| match tokens {
            Some(count) => chance.below(count) as f32,
            None => chance.within(-1.5, 1.5),
        };
        self.x = (0..batch * inputs).map(input).collect();
        let (rows, classes) = (batch * output.pixels(), u64::from(output.channels));
        self.wanted = match case.graph.loss() {
            Loss::CrossEntropy { .. } => {
                Wanted::Labels((0..rows).map(|_| chance.below(classes) as u32).collect())
            }
            _ => Wanted::Values(
                (0..batch * output.len()).map(|_| chance.within(-1.0, 1.0)).collect(),
            ),
        };
    }
}

/// A number of a golden file.
pub fn number<T: FromStr>(word: &str) -> T {
    word.parse().ok().unwrap_or_else(|| panic!("{word} is no number"))
}

/// The numbers in f64, exactly.
pub fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&x| f64::from(x)).collect()
}

pub fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// The plan of a case for training with `U`.
pub fn plan<U: Update>(case: &Case) -> Plan<ROOM> {
    Plan::new(&case.graph, case.trains.mode::<U>(), case.planned)
}

pub fn inference(case: &Case) -> Plan<ROOM> {
    Plan::new(&case.graph, Mode::INFER, case.planned)
}

/// The memory of an engine, exactly as long as its plan says.
pub struct Buffers {
    pub weights: Vec<f32>,
    pub state: Vec<f32>,
    pub arena: Vec<f32>,
}

impl Buffers {
    /// Zero state; the arena holds `fill`.
    pub fn new(plan: &Plan<ROOM>, weights: &[f32], fill: f32) -> Self {
        assert_eq!(weights.len(), plan.weights);
        Self {
            weights: weights.to_vec(),
            state: vec![0.0; plan.state],
            arena: vec![fill; plan.arena],
        }
    }

    /// An engine over this memory.
    pub fn engine<'a, U: Update>(
        &'a mut self,
        plan: &'a Plan<ROOM>,
        update: U,
    ) -> Portable<'a, All, U> {
        let Self { weights, state, arena } = self;
        Portable::new(plan.net(), update, Memory { weights, state, arena }).unwrap()
    }
}

/// The outputs for a batch, by a plan whose arena holds NaN.
pub fn infer(plan: &Plan<ROOM>, update: impl Update, w: &[f32], x: &[f32]) -> Vec<f32> {
    let examples = x.len() / plan.net().input().len();
    let mut y = vec![f32::NAN; examples * plan.net().output().len()];
    let mut buffers = Buffers::new(plan, w, f32::NAN);
    buffers.engine(plan, update).infer(x, &mut y).unwrap();
    y
}

/// What one step gave.
pub struct Stepped {
    pub loss: f32,
    pub weights: Vec<f32>,
    pub state: Vec<f32>,
}

/// One step at `rate` from `numbers`, in an arena that holds `fill`.
pub fn step<U: Update>(case: &Case, numbers: &Numbers, update: U, rate: f32, fill: f32) -> Stepped {
    let plan = plan::<U>(case);
    let mut buffers = Buffers::new(&plan, &numbers.w, fill);
    let loss = buffers
        .engine(&plan, update)
        .train(&numbers.x, numbers.wanted.target(), rate)
        .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    Stepped { loss, weights: buffers.weights, state: buffers.state }
}

/// The gradient of every trained weight, by node: momentum 0 and rate 0 leave it in the velocity,
/// exactly, and move no weight.
pub fn gradient(case: &Case, numbers: &Numbers) -> (f32, Vec<f32>) {
    let stepped = step(case, numbers, Momentum::default(), 0.0, f32::NAN);
    (stepped.loss, stepped.state)
}
