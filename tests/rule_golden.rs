//! Every rule against the NumPy reference: `tests/golden/rules.txt`, written by `make_rules.py`.

use idinit::init::{self, Named};
use idinit::plan::{Mode, Plan};
use idinit::recipe::Fingerprint;
use idinit::rule::{Dims, EPS, Exact, Key, Order, Random, Start};
use idinit::{graph::Graph, model, shape::Shape};
use std::str::FromStr;

const GOLDEN: &str = include_str!("golden/rules.txt");

/// The lines of one kind, each as its words before and after the colon.
fn lines(kind: &str) -> impl Iterator<Item = (Vec<&'static str>, Vec<&'static str>)> {
    GOLDEN.lines().filter_map(move |line| {
        let (case, values) = line.strip_prefix(kind)?.split_once(':')?;
        Some((case.split_whitespace().collect(), values.split_whitespace().collect()))
    })
}

fn number<T: FromStr>(word: &str) -> T {
    word.parse().ok().unwrap_or_else(|| panic!("{word} is no number"))
}

fn exact(name: &str, order: &str) -> Exact {
    let order = match order {
        "spatial" => Order::SpatialMajor,
        "channel" => Order::ChannelMajor,
        "diagonal" => Order::Diagonal,
        _ => panic!("no order {order}"),
    };
    let gain = std::f32::consts::SQRT_2;
    match name {
        "identity" => Exact::Identity { gain, order },
        "zero_preserving" => Exact::ZeroPreserving { eps: EPS, order },
        "dirac" => Exact::Dirac { gain },
        "dirac_zero" => Exact::DiracZero { eps: EPS },
        "hadamard" => Exact::Hadamard { gain: 1.0 },
        _ => panic!("no rule {name}"),
    }
}

#[test]
fn exact_rules_are_the_reference_to_the_bit() {
    let mut cases = 0;
    for (case, values) in lines("weight ") {
        let [name, order, out, inp, height, width, groups] = case[..] else { panic!("{case:?}") };
        let kernel = [number(height), number(width)];
        let d = Dims::new(number(out), number(inp), kernel, number(groups)).unwrap();
        let rule = exact(name, order);

        let golden: Vec<(usize, f32)> =
            values.chunks(2).map(|pair| (number(pair[0]), number(pair[1]))).collect();
        assert_eq!(rule.nonzeros(d).collect::<Vec<_>>(), golden, "{case:?}");

        let mut whole = vec![0.0; d.len()];
        golden.iter().for_each(|&(i, value)| whole[i] = value);
        assert!((0..d.len()).map(|i| rule.at(d, i)).eq(whole.iter().copied()), "{case:?}");

        // what a network is started with is written, by code of its own
        let mut written = vec![f32::NAN; d.len()];
        rule.fill(d, &mut written).unwrap();
        assert_eq!(written, whole, "{case:?}");
        cases += 1;
    }
    assert!(cases > 300, "only {cases} cases");
}

#[test]
fn draws_are_the_reference_however_far_the_index() {
    let d = Dims::dense(u32::MAX, 1 << 24).unwrap();
    let mut cases = 0;
    for (case, value) in lines("draw ") {
        let [family, seed, tensor, i] = case[..] else { panic!("{case:?}") };
        let key = Key { seed: number(seed), tensor: number(tensor) };
        // Uniform draws are exact; normal ones pass through a logarithm and a cosine in f32.
        let (rule, tolerance) = match family {
            "uniform" => (Random::uniform(1.0, key), 0.0),
            "normal" => (Random::normal(1.0, key), 2e-6),
            "truncated" => (Random::TruncatedNormal { std: 1.0, key }, 2e-6),
            _ => panic!("no family {family}"),
        };
        let (drawn, golden) = (f64::from(rule.at(d, number(i))), number::<f64>(value[0]));
        assert!((drawn - golden).abs() <= tolerance, "{case:?}: {drawn}, not {golden}");
        cases += 1;
    }
    assert!(cases > 300, "only {cases} cases");
}

/// The starts of a whole network, from programs that share no line: which rule stands where, in which
/// order, to the bit.
#[test]
fn starts_without_chance_are_the_reference_to_the_bit() {
    const NET: Graph<25> = model::residual(Graph::input(Shape::hwc(8, 8, 1)), 8, 4, 10);
    let plan = Plan::new(&NET, Mode::INFER, 1);
    let mut cases = 0;
    for (case, golden) in lines("start ") {
        let mut weights = vec![f32::NAN; plan.weights];
        init::fill(&plan.net(), &Named::parse(case[0], 9).unwrap(), &mut weights);
        assert_eq!(Fingerprint::of(&weights).to_string(), golden[0], "{}", case[0]);
        cases += 1;
    }
    assert_eq!(cases, 7);
}
