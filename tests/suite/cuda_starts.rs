//! Initial weights that the GPU computes are those of the rules in Rust, to the bit, and are not sent.

use super::cuda::{all, device};
use super::runner::{bits, plan};
use idinit::engine::{Cuda, Engine};
use idinit::graph::Graph;
use idinit::init::{self, Initial, Named, Scheme, Site};
use idinit::plan::{Mode, Plan};
use idinit::recipe::{Fingerprint, Recipe, zoo};
use idinit::rule::{Dims, Key, Order, Random, Rule, Start};
use idinit::shape::Shape;
use idinit::update::{Momentum, Sgd};

/// The schemes whose matrices are no functions of the index: they are sent.
const SENT: [&str; 3] = ["orthogonal", "delta-orthogonal", "lsuv"];

#[test]
fn starts_of_every_scheme_are_those_of_the_rules() {
    let Some(device) = device() else { return };
    for case in all() {
        let plan = plan::<Momentum>(&case);
        let mut engine = Cuda::new(plan.net(), Momentum::default(), device.ordinal).unwrap();
        for name in Named::NAMES {
            let scheme = Named::parse(name, 5).unwrap();
            let (mut want, mut got) = (vec![f32::NAN; plan.weights], vec![0.0; plan.weights]);
            init::fill(&plan.net(), &scheme, &mut want);
            let sent = engine.start(&scheme).unwrap();
            engine.weights(&mut got).unwrap();
            assert_eq!(bits(&got), bits(&want), "{} by {name}", case.name);
            assert!(sent == 0 || SENT.contains(name), "{} by {name}: {sent} sent", case.name);
        }
    }
}

/// What a GPU makes of a recipe has the fingerprint that a microcontroller finds by way of a page.
#[test]
fn starts_of_recipes_have_their_fingerprints() {
    let Some(device) = device() else { return };
    for line in [
        "idinit/1 residual idinit",
        "idinit/1 resnet width=4 idinit order=diagonal norm-eps=0.01",
        "idinit/1 vit width=12 heads=3 layers=2 inner=24 kaiming seed=7",
    ] {
        let recipe: Recipe = Recipe::parse(line).unwrap();
        let (_, network) = zoo::network(&recipe).unwrap();
        let (nodes, scheme) = (network.model.nodes(), recipe.scheme().unwrap());
        let plan = network.model.plan(Mode::INFER, 1).unwrap();
        let mut engine = Cuda::new(plan.net(), Sgd::default(), device.ordinal).unwrap();
        assert_eq!(engine.start(&scheme), Ok(0), "{line}");
        let mut weights = vec![0.0; plan.net().weights()];
        engine.weights(&mut weights).unwrap();
        let initial: Initial<'_, _> = Initial::new(nodes, scheme);
        let want = Fingerprint::of_initial(&initial, &mut [0.0; 64]).unwrap();
        assert_eq!(Fingerprint::of(&weights), want, "{line}");
    }
}

/// One rule for all weights.
struct One(Rule);

impl Scheme for One {
    type Start = Rule;

    fn start(&self, _: &Site<'_>) -> Rule {
        self.0
    }
}

/// Starts one layer of `out` outputs of `inp` inputs by each rule, on the GPU and here.
fn compare(ordinal: usize, [inp, out]: [u32; 2], rules: impl IntoIterator<Item = Random>) {
    let graph = Graph::<4>::input(Shape::vector(inp)).linear(out).squared_error();
    let plan = Plan::<4>::new(&graph, Mode::INFER, 1);
    let mut engine = Cuda::new(plan.net(), Sgd::default(), ordinal).unwrap();
    let (mut want, mut got) = (vec![f32::NAN; plan.weights], vec![f32::NAN; plan.weights]);
    for rule in rules {
        let scheme = One(rule.into());
        init::fill(&plan.net(), &scheme, &mut want);
        assert_eq!(engine.start(&scheme).unwrap(), 0, "{rule:?}");
        engine.weights(&mut got).unwrap();
        let other = |(want, got): (&f32, &f32)| want.to_bits() != got.to_bits();
        let first = want.iter().zip(&got).position(other);
        assert_eq!(first.map(|i| (i, want[i], got[i])), None, "{rule:?} of {out} x {inp}");
    }
}

/// All random rules of a key.
fn random(key: Key, size: f32) -> [Random; 4] {
    let loose = |order| Random::Loose { gain: 1.5, order, std: size, key };
    [
        Random::uniform(size, key),
        Random::normal(size, key),
        Random::TruncatedNormal { std: size, key },
        loose(Order::SpatialMajor),
    ]
}

#[test]
fn a_million_draws_of_each_rule_are_those_of_the_rules() {
    let Some(device) = device() else { return };
    // one input: the loosened identity, too, draws every weight. The number is odd, no block is whole
    compare(
        device.ordinal,
        [1, (1 << 20) + 3],
        random(Key { seed: 0xfeed_5eed_1234, tensor: 7 }, 0.3),
    );
    compare(device.ordinal, [1021, 1031], random(Key { seed: u64::MAX, tensor: u32::MAX }, 1.0));
}

/// Words that Box and Muller's formula has at the ends of their range, found by a search: seed and weight.
#[test]
fn draws_at_the_ends_are_those_of_the_rules() {
    let Some(device) = device() else { return };
    let ends = [
        (679_937, 4 * 4 + 2), // u = 1: the radius is -0
        (1_337_225, 4 * 6),   // u = 8 / 2^32: the longest radius
        (176_669, 4 * 8),     // the angle 0
        (1_343_428, 2),       // the angle 0
        (39_075, 2),          // the largest angle
        (306_180, 4 * 14),    // the largest angle
    ];
    let keys = ends.map(|(seed, _)| Key { seed, tensor: 0 });
    let sizes = [1.0, 0.0, -2.0, 1e-6, f32::MIN_POSITIVE, 1e-45, f32::MAX];
    for size in sizes {
        compare(device.ordinal, [1, 64], keys.into_iter().flat_map(|key| random(key, size)));
    }
    let d = Dims::dense(64, 1).unwrap();
    let draws = ends.map(|(seed, i)| Random::normal(1.0, Key { seed, tensor: 0 }).at(d, i));
    assert!(draws[0] == 0.0 && draws[1] != 0.0, "{draws:?}");
    // a pair of angle 0 has a sine of nothing
    let sine = Random::normal(1.0, keys[2]).at(d, ends[2].1 + 1);
    assert!(sine.abs() < 1e-6, "{sine}");
}

/// Sizes of one and a few weights, where threads of a block have nothing to do.
#[test]
fn few_draws_are_those_of_the_rules() {
    let Some(device) = device() else { return };
    for sizes in [[1, 1], [1, 2], [3, 1], [5, 1], [2, 5], [7, 3]] {
        let key = Key { seed: 3, tensor: 1 };
        compare(device.ordinal, sizes, random(key, 0.5));
        // a loosened identity whose entries may be -0, which zeros are not
        for gain in [0.0, -0.0] {
            let loose =
                [0.0, -0.0].map(|std| Random::Loose { gain, order: Order::SpatialMajor, std, key });
            compare(device.ordinal, sizes, loose);
        }
    }
}
