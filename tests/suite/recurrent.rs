//! Recurrent layers: what they mean, in f64 with every index written out; their cases; and how PyTorch
//! names their weights in `golden/recurrent.txt`.

use super::cases::{ROOM, Trains, cases};
use super::definition::Purpose;
use super::runner::{Numbers, bits, infer, inference, number};
use idinit::graph::{Graph, Node};
use idinit::layer::{Gru, Kind, Layer, Lstm, Rnn};
use idinit::shape::Shape;
use idinit::update::Sgd;

pub const GOLDEN: &str = include_str!("../golden/recurrent.txt");

pub const NAMES: &[&str] =
    &["line.weight_ih_l0", "line.weight_hh_l0", "line.bias_ih_l0", "line.bias_hh_l0"];

const KINDS: [&str; 3] = ["rnn", "gru", "lstm"];

fn new(kind: &str, hidden: u32, reverse: bool) -> Layer {
    match kind {
        "rnn" => Layer::Rnn(Rnn { hidden, reverse }),
        "gru" => Layer::Gru(Gru { hidden, reverse }),
        _ => Layer::Lstm(Lstm { hidden, reverse }),
    }
}

/// A layer of a golden file: kind, hidden, whether it is reversed.
pub fn layer(words: &[&str]) -> Layer {
    new(words[0], number(words[1]), words[2] == "1")
}

fn sizes(layer: Layer) -> (usize, usize, bool) {
    let (gates, hidden, reverse) = match layer {
        Layer::Rnn(rnn) => (1, rnn.hidden, rnn.reverse),
        Layer::Gru(gru) => (3, gru.hidden, gru.reverse),
        Layer::Lstm(lstm) => (4, lstm.hidden, lstm.reverse),
        other => panic!("{other:?} is not recurrent"),
    };
    (gates, hidden as usize, reverse)
}

/// The weights of a layer, in the order in which they lie.
pub fn parts(node: &Node) -> Vec<(usize, Purpose)> {
    let ((gates, hidden, _), inp) = (sizes(node.layer), node.input.channels as usize);
    let rows = gates * hidden;
    vec![
        (rows * inp, Purpose::Matrix { fan_in: inp }),
        (rows * hidden, Purpose::Matrix { fan_in: hidden }),
        (rows, Purpose::Bias),
        (rows, Purpose::Bias),
    ]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One example: from x, [tokens, inp], to y, [tokens, hidden].
pub fn example(node: &Node, w: &[f64], x: &[f64]) -> Vec<f64> {
    let ((gates, hidden, reverse), inp) = (sizes(node.layer), node.input.channels as usize);
    let tokens = x.len() / inp;
    let (u, rows) = (gates * hidden * inp, gates * hidden);
    let (b, c) = (u + rows * hidden, u + rows * hidden + rows);
    let mut y = vec![0.0; tokens * hidden];
    let (mut h, mut memory) = (vec![0.0; hidden], vec![0.0; hidden]);
    for step in 0..tokens {
        let t = if reverse { tokens - 1 - step } else { step };
        let from_input = |gate: usize, j: usize| {
            let row = gate * hidden + j;
            (0..inp).fold(w[b + row], |sum, i| sum + w[row * inp + i] * x[t * inp + i])
        };
        let from_state = |gate: usize, j: usize| {
            let row = gate * hidden + j;
            (0..hidden).fold(w[c + row], |sum, i| sum + w[u + row * hidden + i] * h[i])
        };
        let both = |gate: usize, j: usize| from_input(gate, j) + from_state(gate, j);
        let mut after = vec![0.0; hidden];
        for j in 0..hidden {
            after[j] = match gates {
                1 => both(0, j).tanh(),
                3 => {
                    let (r, z) = (sigmoid(both(0, j)), sigmoid(both(1, j)));
                    let n = (from_input(2, j) + r * from_state(2, j)).tanh();
                    (1.0 - z) * n + z * h[j]
                }
                _ => {
                    let (i, f) = (sigmoid(both(0, j)), sigmoid(both(1, j)));
                    memory[j] = f * memory[j] + i * both(2, j).tanh();
                    sigmoid(both(3, j)) * memory[j].tanh()
                }
            };
        }
        y[t * hidden..][..hidden].copy_from_slice(&after);
        h = after;
    }
    y
}

/// A line of tokens of some width.
fn line(tokens: u32, width: u32) -> Graph<ROOM> {
    Graph::input(Shape::hwc(1, tokens, width))
}

type Add<'a> = &'a mut dyn FnMut(&'static str, Graph<ROOM>, [usize; 2], Trains);

pub fn add_cases(add: Add<'_>) {
    use Trains::{All, Only};
    let names = [
        ["rnn of one token", "gru of one token", "lstm of one token"],
        ["rnn, 4 units", "gru, 4 units", "lstm, 4 units"],
        ["rnn from the end", "gru from the end", "lstm from the end"],
        ["rnn both ways", "gru both ways", "lstm both ways"],
        ["rnn of one unit", "gru of one unit", "lstm of one unit"],
        ["a frozen rnn", "a frozen gru", "a frozen lstm"],
        ["a rnn behind frozen layers", "a gru behind frozen layers", "a lstm behind frozen layers"],
    ];
    for (k, kind) in KINDS.into_iter().enumerate() {
        let [one, four, end, both, single, frozen, behind] = names.map(|names| names[k]);
        let small = Graph::input(Shape::vector(3)).then(new(kind, 5, false));
        add(one, small.dense(3).cross_entropy(0.0), [1, 1], All);
        let head = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.1);
        add(four, head(line(5, 3).then(new(kind, 4, false))), [3, 3], All);
        add(end, line(4, 5).then(new(kind, 9, true)).squared_error(), [3, 3], All);
        let stack = line(3, 4).then(new(kind, 6, false)).then(new(kind, 5, true));
        add(both, head(stack), [5, 3], All);
        let picture = Graph::input(Shape::hwc(2, 3, 1)).then(new(kind, 1, false));
        add(single, picture.squared_error(), [3, 3], All);
        let named = line(4, 2).conv2d(3, 1).name("a").then(new(kind, 5, false)).name("b");
        add(frozen, head(named), [3, 3], Only(&["a"]));
        add(behind, head(named), [3, 3], Only(&["b"]));
    }
}

/// Runs of examples of which the last is not whole, and units that fill vectors or do not; more units in
/// a gate than rows of one run of gradients.
#[cfg(feature = "std")]
pub fn add_large(add: &mut dyn FnMut(&'static str, Graph<ROOM>, [usize; 2])) {
    let names = ["a wide rnn", "a wide gru", "a wide lstm"];
    for (kind, name) in KINDS.into_iter().zip(names) {
        let net = line(7, 19).then(new(kind, 70, true)).then(new(kind, 33, false));
        add(name, net.dense(5).cross_entropy(0.0), [40, 33]);
    }
    let names = ["a rnn of many tokens", "a gru of many tokens", "a lstm of many tokens"];
    for (kind, name) in KINDS.into_iter().zip(names) {
        let net = line(90, 3).linear(5).then(new(kind, 8, false)).squared_error();
        add(name, net, [13, 13]);
    }
}

/// What an output is does not depend on the tokens behind it, and depends on each before it.
#[test]
fn a_token_is_seen_from_itself_on() {
    for case in cases().into_iter().filter(|case| case.name.ends_with("from the end")) {
        let Numbers { w, x, .. } = Numbers::of(&case);
        let (tokens, width) = (case.graph.input_shape().pixels(), 5);
        let node = case.graph.nodes()[0];
        let mut ways = vec![];
        for reverse in [false, true] {
            let (kind, hidden) = (node.layer.kind().name(), case.graph.output().channels);
            let graph = line(tokens as u32, width).then(new(kind, hidden, reverse)).squared_error();
            let mut case = case;
            case.graph = graph.finish().unwrap();
            let x = &x[..tokens * width as usize];
            let plan = inference(&case);
            let before = infer(&plan, Sgd::default(), &w, x);
            for changed in 0..tokens {
                let mut other = x.to_vec();
                other[changed * width as usize] += 1.0;
                let after = infer(&plan, Sgd::default(), &w, &other);
                for t in 0..tokens {
                    let [before, after] = [&before, &after]
                        .map(|y| bits(&y[t * hidden as usize..][..hidden as usize]));
                    let sees = if reverse { t <= changed } else { t >= changed };
                    assert_eq!(before != after, sees, "{}: {changed} seen from {t}", case.name);
                }
            }
            ways.push(before);
        }
        assert_ne!(bits(&ways[0]), bits(&ways[1]));
    }
}

/// A gradient that grows from token to token until it overflows is an error, and no weight moves.
#[test]
fn a_gradient_that_explodes_on_its_way_back_is_an_error() {
    use super::runner::{Buffers, plan};
    use idinit::engine::{Engine, Error};
    for (kind, at) in KINDS.into_iter().zip([0, 2, 2]) {
        let graph = line(12, 1).then(new(kind, 1, false)).squared_error().finish().unwrap();
        let mut case = cases()[0];
        case.graph = graph;
        let node = graph.nodes()[0];
        assert!(node.layer.kind() != Kind::Dense);
        let (gates, ..) = sizes(node.layer);
        // all tokens are 0, so that no gate is saturated, and states lead to states by a large factor
        let mut w = vec![0.0; 4 * gates];
        w[gates + at] = 1e6;
        let plan = plan::<Sgd>(&case);
        let mut buffers = Buffers::new(&plan, &w, f32::NAN);
        let mut engine = buffers.engine(&plan, Sgd::default());
        let target = idinit::loss::Target::Values(&[1.0; 12]);
        let result = engine.train(&[0.0; 12], target, 0.1);
        assert_eq!(result, Err(Error::Diverged { node: 0 }), "{kind}");
        assert_eq!(engine.all_weights(), w);
        #[cfg(feature = "std")]
        {
            let mut engine = idinit::engine::Host::new(plan.net(), Sgd::default(), 2).unwrap();
            engine.all_weights_mut().copy_from_slice(&w);
            let result = engine.train(&[0.0; 12], target, 0.1);
            assert_eq!(result, Err(Error::Diverged { node: 0 }), "{kind}");
            assert_eq!(engine.all_weights(), w);
        }
    }
}
