//! A learner and its flash: what one power-up has learnt, the next goes on with.

use super::flash::{Nor, Tear};
use idinit::data::digits;
use idinit::device::Start;
use idinit::device::keep::{Ignored, Keep, KeepError};
use idinit::device::learn::{Budget, Counters, Examples, LearnError, Learner, Settings};
use idinit::device::sense::Standard;
use idinit::engine::{Memory, Portable};
use idinit::graph::{Graph, Role};
use idinit::init::{IdInit, Initial};
use idinit::layer::All;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::Sgd;

const NET: Graph<4> =
    Graph::input(Shape::vector(64)).dense(64).relu().dense(10).role(Role::Head).cross_entropy(0.0);
static ALL: Plan<4> = Plan::new(&NET, Mode::train::<Sgd>(), 1);
static HEAD: Plan<4> = Plan::new(&NET, Mode::train::<Sgd>().last(1), 1);

fn rule() -> Initial<'static, IdInit> {
    Initial::new(ALL.net().nodes(), IdInit::PAPER)
}

/// One power-up: memory that holds anything, a learner at its start.
fn powered<T: Start, R>(
    plan: &Plan<4>,
    start: T,
    rate: f32,
    run: impl FnOnce(&mut Learner<'_, All, Sgd, T, 10>) -> R,
) -> R {
    let (mut weights, mut arena) = (vec![f32::NAN; plan.weights], vec![f32::NAN; plan.arena]);
    let (mut inputs, mut labels) = (vec![f32::NAN; 40 * 64], vec![0; 40]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let engine = Portable::<All, _>::new(plan.net(), Sgd::default(), memory).unwrap();
    let examples = Examples { inputs: &mut inputs, labels: &mut labels };
    let settings = Settings { rate, ..Settings::default() };
    run(&mut Learner::new(engine, start, examples, settings).unwrap())
}

/// Labels some digits and learns two steps after each.
fn learn<T: Start>(
    learner: &mut Learner<'_, All, Sgd, T, 10>,
    digits: core::ops::Range<usize>,
) -> Result<(), LearnError> {
    let mut x = [0.0; 64];
    for k in digits {
        let label = digits::image(digits::train(k), &mut x).unwrap();
        learner.label(&x, label)?;
        learner.work(Budget::steps(2), |_| ())?;
    }
    Ok(())
}

fn bits(weights: &[f32]) -> Vec<u32> {
    weights.iter().map(|weight| weight.to_bits()).collect()
}

type Store<'a> = Keep<&'a mut Nor, 96>;

fn store(flash: &mut Nor) -> Store<'_> {
    let end = flash.len();
    Keep::new(flash, 0..end).unwrap()
}

#[test]
fn the_next_power_up_goes_on_with_the_same_bits() {
    let mut flash = Nor::new(128);
    let mut standard = Standard::<6>::new(100);
    // items of 96 bytes have room for 6 numbers; those of 6 axes are 18
    let axes = &mut standard.numbers_mut()[..6];
    axes.copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let saved = powered(&HEAD, rule(), 0.02, |learner| {
        learn(learner, 0..200).unwrap();
        let saved = store(&mut flash).save(learner, axes).unwrap();
        (bits(learner.weights()), learner.metrics().counters, saved)
    });
    let (weights, counters, saved) = saved;
    assert_eq!((saved.generation, saved.written), (1, true));
    // 650 weights of the head at 32 bits, and less than a bit each for 4,160 that did not learn
    assert!(saved.bytes < 650 * 4 + 520, "{} bytes", saved.bytes);

    let mut numbers = [0.0; 6];
    powered(&HEAD, rule(), 0.02, |learner| {
        let loaded = store(&mut flash).load(learner, &mut numbers).unwrap();
        assert_eq!((loaded.generation, loaded.ignored, loaded.bytes), (Some(1), None, saved.bytes));
        assert_eq!((bits(learner.weights()), learner.metrics().counters), (weights, counters));
        assert_eq!(numbers, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        learn(learner, 200..400).unwrap();
        let Counters { steps, labels, .. } = learner.metrics().counters;
        assert_eq!((steps, labels), (800, 400));
        let (right, of) = learner.metrics().recent();
        assert!(right * 4 > of * 3, "{right} of {of}");
        assert_eq!(store(&mut flash).save(learner, &numbers).unwrap().generation, 2);
    });
}

/// A backbone in flash, with a head by the rule, is a start as the rule is one.
#[test]
fn a_backbone_in_flash_is_a_start() {
    let mut backbone = vec![0.0; ALL.weights];
    powered(&ALL, rule(), 0.02, |learner| {
        learn(learner, 0..100).unwrap();
        backbone.copy_from_slice(learner.weights());
    });
    let mut flash = Nor::new(128);
    let kept = powered(&HEAD, &backbone[..], 0.02, |learner| {
        assert_eq!(learner.weights(), backbone);
        learn(learner, 100..150).unwrap();
        store(&mut flash).save(learner, &[]).unwrap();
        bits(learner.weights())
    });
    powered(&HEAD, &backbone[..], 0.02, |learner| {
        store(&mut flash).load(learner, &mut []).unwrap();
        assert_eq!(bits(learner.weights()), kept);
    });
    // and is nothing to a device that begins with the rule
    powered(&HEAD, rule(), 0.02, |learner| {
        let start = bits(learner.weights());
        let loaded = store(&mut flash).load(learner, &mut []).unwrap();
        assert!(matches!(loaded.ignored, Some(Ignored::OtherStart { .. })), "{loaded:?}");
        assert_eq!((bits(learner.weights()), loaded.counters), (start, Counters::default()));
    });
}

/// Numbers that run away lead to what was kept last; a cut in a save, to what was kept before it.
#[test]
fn a_setback_leads_to_what_was_kept() {
    let mut flash = Nor::new(512);
    powered(&ALL, rule(), 0.02, |learner| {
        let begun = bits(learner.weights());
        learn(learner, 0..60).unwrap();
        store(&mut flash).save(learner, &[]).unwrap();
        let kept = bits(learner.weights());

        let weights = learner.replace().1.iter_mut().enumerate();
        weights.for_each(|(i, weight)| *weight = if i % 2 == 0 { 3e38 } else { -3e38 });
        let setback = learner.work(Budget::steps(1), |_| ());
        assert!(matches!(setback, Err(LearnError::Setback(_))), "{setback:?}");
        assert_eq!(bits(learner.weights()), begun);
        store(&mut flash).load(learner, &mut []).unwrap();
        assert_eq!(bits(learner.weights()), kept);
        assert_eq!(learner.metrics().counters.steps, 120);

        learn(learner, 60..70).unwrap();
        flash.cut_after(20, Tear::Half);
        let cut = store(&mut flash).save(learner, &[]).unwrap_err();
        assert!(matches!(cut, KeepError::Flash(_)));
        flash.on();
        store(&mut flash).load(learner, &mut []).unwrap();
        assert_eq!(bits(learner.weights()), kept);
    });
}
