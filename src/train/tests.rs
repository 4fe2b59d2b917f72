use super::*;
use crate::data::Mix;
use crate::engine::Engine;
use crate::engine::{Error, Memory, Portable};
use crate::graph::Graph;
use crate::init::IdInit;
use crate::layer::All;
use crate::loss::Target;
use crate::model::{Activation, mlp};
use crate::plan::{Mode, Plan};
use crate::update::Momentum;

const NET: Graph<3> = mlp(Graph::input(Shape::hwc(8, 8, 1)), &[16], Activation::Relu, 10);
static PLAN: Plan<3> = Plan::new(&NET, Mode::train::<Momentum>(), 32);

/// The epochs of a run from IDInit, and the weights at its end.
fn train(settings: Settings) -> Result<(Vec<Epoch>, Vec<f32>), Stop<Error>> {
    train_with(settings, 1, None)
}

/// The same, with so many threads that read, and examples mixed.
fn train_with(
    settings: Settings,
    readers: usize,
    mix: Option<Mix>,
) -> Result<(Vec<Epoch>, Vec<f32>), Stop<Error>> {
    let [mut weights, mut state] = [vec![0.0; PLAN.weights], vec![0.0; PLAN.state]];
    let mut arena = vec![f32::NAN; PLAN.arena];
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let update = Momentum { momentum: 0.9, ..Momentum::default() };
    let mut engine = Portable::<All, _>::new(PLAN.net(), update, memory).unwrap();
    engine.start(&IdInit::PAPER);
    let run = Run::new(&PLAN.net(), settings, &Digits::Train, &Digits::Test).unwrap();
    let mut run = run.readers(readers).mixed(mix);
    let mut epochs = Vec::new();
    let mut steps = 0;
    while let Some(epoch) = run.epoch(&mut engine, |_| steps += 1)? {
        epochs.push(epoch);
    }
    assert_eq!(steps, run.steps_per_epoch() * epochs.len() as u64);
    Ok((epochs, weights))
}

const FEW: Settings = Settings {
    epochs: 3,
    rate: 0.02,
    schedule: Schedule::Linear,
    warm_up: Time::Steps(10),
    seed: 5,
};

#[test]
fn a_run_learns_and_repeats_itself_to_the_bit() {
    let (epochs, weights) = train(FEW).unwrap();
    assert_eq!(epochs.iter().map(|epoch| epoch.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(epochs[2].train_loss < epochs[0].train_loss);
    assert!(epochs[2].test.accuracy() > 0.9 && epochs[2].test.loss < 0.5, "{epochs:?}");
    assert!(epochs[2].rate < 0.001);
    assert_eq!(train(FEW).unwrap(), (epochs, weights.clone()));
    assert_ne!(train(Settings { seed: 6, ..FEW }).unwrap().1, weights);
}

#[test]
fn who_reads_the_examples_changes_nothing() {
    let few = Settings { epochs: 1, ..FEW };
    for mix in [None, Some(Mix::Cutmix { alpha: 1.0 })] {
        let one = train_with(few, 1, mix).unwrap();
        assert_eq!(train_with(few, 0, mix).unwrap(), one);
        assert_eq!(train_with(few, 3, mix).unwrap(), one);
    }
}

#[test]
fn mixed_examples_teach_what_plain_ones_teach() {
    let (epochs, weights) = train_with(FEW, 1, Some(Mix::Mixup { alpha: 0.2 })).unwrap();
    assert!(epochs[2].test.accuracy() > 0.85, "{epochs:?}");
    assert_ne!(train(FEW).unwrap().1, weights);
}

#[test]
fn an_example_that_cannot_be_read_ends_the_run_with_its_error() {
    /// Digits of which one is damaged.
    struct Damaged;
    impl Examples for Damaged {
        fn count(&self) -> usize {
            100
        }
        fn shape(&self) -> Shape {
            Shape::hwc(8, 8, 1)
        }
        fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
            match i {
                50 => Err(DataError::Number { number: 50, count: 50 }),
                _ => Digits::Train.read(i, x, labels),
            }
        }
    }
    let [mut weights, mut state] = [vec![0.0; PLAN.weights], vec![0.0; PLAN.state]];
    let mut arena = vec![f32::NAN; PLAN.arena];
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let mut engine = Portable::<All, _>::new(PLAN.net(), Momentum::default(), memory).unwrap();
    engine.start(&IdInit::PAPER);
    let error = Stop::Data(DataError::Number { number: 50, count: 50 });
    let mut run = Run::new(&PLAN.net(), FEW, &Damaged, &Digits::Test).unwrap();
    assert_eq!(run.epoch(&mut engine, |_| {}), Err(error.clone()));
    assert_eq!(run.epoch(&mut engine, |_| {}), Ok(None));
    let mut run = Run::new(&PLAN.net(), FEW, &Digits::Train, &Damaged).unwrap();
    assert_eq!(run.score(&mut engine), Err(error));
}

#[test]
fn a_run_that_diverges_says_so_and_ends() {
    let error = train(Settings { rate: 1000.0, ..FEW }).unwrap_err();
    assert!(matches!(error, Stop::Engine(Error::Loss(_) | Error::Diverged { .. })), "{error}");
}

/// An engine whose steps are known by their losses only later.
struct Late<E> {
    engine: E,
    losses: Vec<f32>,
    refused: Option<Error>,
}

impl<E: Engine<Error = Error>> Engine for Late<E> {
    type Error = Error;
    fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.engine.infer(x, y)
    }
    fn train(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<f32, Error> {
        self.engine.train(x, target, rate)
    }
    fn submit(&mut self, x: &[f32], target: Target<'_>, rate: f32) -> Result<Option<f32>, Error> {
        if self.refused.is_none() {
            match self.train(x, target, rate) {
                Ok(loss) => self.losses.push(loss),
                Err(error) => self.refused = Some(error),
            }
        }
        Ok(None)
    }
    fn losses(&mut self, each: impl FnMut(f32)) -> Result<(), Error> {
        self.losses.drain(..).for_each(each);
        self.refused.take().map_or(Ok(()), Err)
    }
    fn accumulate(&mut self, x: &[f32], target: Target<'_>) -> Result<f32, Error> {
        self.engine.accumulate(x, target)
    }
    fn step(&mut self, rate: f32) -> Result<(), Error> {
        self.engine.step(rate)
    }
    fn steps(&self) -> u64 {
        self.engine.steps()
    }
    fn weights(&self, w: &mut [f32]) -> Result<(), Error> {
        self.engine.weights(w)
    }
    fn state(&self, state: &mut [f32]) -> Result<(), Error> {
        self.engine.state(state)
    }
    fn restore(&mut self, w: &[f32], state: &[f32], steps: u64) -> Result<(), Error> {
        self.engine.restore(w, state, steps)
    }
}

/// The steps of a run whose losses are read every so many steps, its end, and where it stands; it rests every
/// seven steps.
fn late(settings: Settings, every: u64) -> (Vec<Taken>, Result<Vec<Epoch>, Stop<Error>>, Standing) {
    let [mut weights, mut state] = [vec![0.0; PLAN.weights], vec![0.0; PLAN.state]];
    let mut arena = vec![f32::NAN; PLAN.arena];
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let update = Momentum { momentum: 0.9, ..Momentum::default() };
    let mut engine = Portable::<All, _>::new(PLAN.net(), update, memory).unwrap();
    engine.start(&IdInit::PAPER);
    let mut engine = Late { engine, losses: vec![], refused: None };
    let run = Run::new(&PLAN.net(), settings, &Digits::Train, &Digits::Test).unwrap();
    let mut run = run.losses_every(every).resting_every(7);
    let (mut steps, mut epochs) = (vec![], vec![]);
    let end = loop {
        let epoch = run.walk(&mut engine, |engine, taken| {
            steps.push(*taken);
            let ahead = engine.steps() - taken.step;
            assert!(ahead < every && (ahead == 0 || taken.step % 7 != 0), "{ahead} ahead");
            core::ops::ControlFlow::Continue(())
        });
        match epoch {
            Ok(Some(epoch)) => epochs.push(epoch),
            Ok(None) => break Ok(epochs),
            Err(stop) => break Err(stop),
        }
    };
    (steps, end, run.standing())
}

#[test]
fn a_run_is_the_same_however_late_its_losses_are_read() {
    for rate in [0.02, 1000.0] {
        let settings = Settings { rate, ..FEW };
        let want = late(settings, 1);
        assert_eq!(want.1.is_ok(), rate < 1.0);
        for every in [2, 16, 1000] {
            assert_eq!(late(settings, every), want, "every {every} at {rate}");
        }
    }
}

#[test]
fn a_network_that_knows_nothing_scores_by_its_first_class() {
    struct Blind;
    impl Engine for Blind {
        type Error = Error;
        fn infer(&mut self, _: &[f32], y: &mut [f32]) -> Result<(), Error> {
            y.fill(3.0);
            Ok(())
        }
        fn train(&mut self, _: &[f32], _: Target<'_>, _: f32) -> Result<f32, Error> {
            Err(Error::Loss(f32::NAN))
        }
        fn accumulate(&mut self, _: &[f32], _: Target<'_>) -> Result<f32, Error> {
            Err(Error::NoGradient)
        }
        fn step(&mut self, _: f32) -> Result<(), Error> {
            Err(Error::NoParts)
        }
        fn steps(&self) -> u64 {
            0
        }
        fn weights(&self, _: &mut [f32]) -> Result<(), Error> {
            Ok(())
        }
        fn state(&self, _: &mut [f32]) -> Result<(), Error> {
            Ok(())
        }
        fn restore(&mut self, _: &[f32], _: &[f32], _: u64) -> Result<(), Error> {
            Ok(())
        }
    }
    let mut run = Run::new(&PLAN.net(), FEW, &Digits::Train, &Digits::Test).unwrap();
    let score = run.score(&mut Blind).unwrap();
    assert!((score.loss - core::f32::consts::LN_10).abs() < 1e-5);
    let (mut x, mut label) = ([0.0; 64], [0]);
    let zeros = (0..359)
        .filter(|&i| Digits::Test.read(i, &mut x, &mut label).is_ok() && label == [0])
        .count();
    assert_eq!((score.correct, score.count), (zeros, 359));
    assert!(run.epoch(&mut Blind, |_| {}).is_err());
    assert_eq!(run.epoch(&mut Blind, |_| {}), Ok(None));
}

#[test]
fn examples_of_another_shape_are_refused() {
    const OTHER: Graph<1> = Graph::input(Shape::vector(3)).dense(2).cross_entropy(0.0);
    const PLAIN: Graph<1> = Graph::input(Shape::hwc(8, 8, 1)).dense(10);
    let begin = |graph| {
        let plan = Plan::new(graph, Mode::INFER, 1);
        Run::new(&plan.net(), FEW, &Digits::Train, &Digits::Test).err()
    };
    let (need, got) = (Shape::vector(3), Shape::hwc(8, 8, 1));
    assert_eq!(begin(&OTHER), Some(RunError::Shape { need, got }));
    assert_eq!(begin(&PLAIN), Some(RunError::Loss));
}
