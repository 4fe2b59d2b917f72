//! Outputs, losses, gradients and running statistics are PyTorch's: `golden/layers.txt` and the files
//! beside it, written by `golden/make_layers.py`, which also lists the layers.

use super::cases::{Case, ROOM, Trains};
use super::recurrent;
use super::runner::{Numbers, Wanted, gradient, infer, inference, number, plan, step, wide};
use super::tolerance::{Against, close, difference, tolerance};
use idinit::graph::{Graph, Node, Value};
use idinit::layer::{
    AveragePool, BatchNorm, Conv2d, Dense, Kind, Layer, LayerNorm, MaxPool, Padding, Shortcut,
};
use idinit::shape::Shape;
use idinit::update::{Momentum, Sgd};

const FILES: [&str; 3] =
    [include_str!("../golden/layers.txt"), include_str!("../golden/tokens.txt"), recurrent::GOLDEN];

/// One block of a golden file: its lines, by their first word.
pub struct Block(&'static str);

impl Block {
    /// The blocks of a file; each begins with its `kind` and its name.
    pub fn all(file: &'static str) -> impl Iterator<Item = Self> {
        let blocks = file.split("\n\n").map(str::trim);
        blocks.filter(|block| !block.is_empty() && !block.starts_with('#')).map(Self)
    }

    /// What stands behind the first words of the first line that begins so.
    pub fn line(&self, first: &str) -> &'static str {
        self.lines(first).next().unwrap_or_else(|| panic!("no {first} in {}", self.0))
    }

    pub fn lines(&self, first: &str) -> impl Iterator<Item = &'static str> {
        self.0.lines().filter_map(move |line| line.strip_prefix(first)?.strip_prefix(' '))
    }

    /// A tensor: its sizes and its numbers.
    pub fn tensor(&self, kind: &str, name: &str) -> Tensor {
        let line = self.line(&format!("{kind} {name}"));
        let (sizes, numbers) = line.split_once(':').unwrap();
        Tensor {
            sizes: sizes.split('x').map(number).collect(),
            numbers: numbers.split_whitespace().map(number).collect(),
        }
    }
}

pub struct Tensor {
    pub sizes: Vec<usize>,
    pub numbers: Vec<f64>,
}

impl Tensor {
    /// From [a, channels, height, width] to [a, height, width, channels].
    fn channels_last(&self) -> Vec<f64> {
        let [a, c, h, w] = *self.sizes else { return self.numbers.clone() };
        channels_last(&self.numbers, [a, c, h, w])
    }
}

fn channels_last(numbers: &[f64], [a, c, h, w]: [usize; 4]) -> Vec<f64> {
    let mut moved = vec![];
    for i in 0..a {
        for y in 0..h {
            for x in 0..w {
                moved.extend((0..c).map(|k| numbers[((i * c + k) * h + y) * w + x]));
            }
        }
    }
    assert_eq!(moved.len(), numbers.len());
    moved
}

fn narrow(numbers: Vec<f64>) -> Vec<f32> {
    let narrow: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
    assert_eq!(wide(&narrow), numbers, "numbers that f32 holds exactly");
    narrow
}

fn layer(words: &[&str]) -> Layer {
    let u = |i: usize| number::<u32>(words[i]);
    let f = |i: usize| number::<f32>(words[i]);
    match words[0] {
        "dense" => Layer::Dense(Dense { out: u(1), bias: u(2) == 1 }),
        "conv2d" => Layer::Conv2d(Conv2d {
            out: u(1),
            kernel: [u(2), u(3)],
            stride: [u(4), u(5)],
            padding: [u(6), u(7)],
            groups: u(8),
            bias: u(9) == 1,
        }),
        "batch_norm" => Layer::BatchNorm(BatchNorm { eps: f(1), momentum: f(2) }),
        "layer_norm" => Layer::LayerNorm(LayerNorm { eps: f(1) }),
        "leaky_relu" => Layer::LeakyRelu(idinit::layer::LeakyRelu { slope: f(1) }),
        "max_pool" => Layer::MaxPool(MaxPool {
            kernel: [u(1), u(2)],
            stride: [u(3), u(4)],
            padding: [u(5), u(6)],
        }),
        "average_pool" => {
            Layer::AveragePool(AveragePool { kernel: [u(1), u(2)], stride: [u(3), u(4)] })
        }
        "shortcut" => {
            let padding = if u(3) == 1 { Padding::Around } else { Padding::Behind };
            Layer::Shortcut(Shortcut { channels: u(1), stride: u(2), padding })
        }
        "relu" => Layer::Relu(idinit::layer::Relu),
        "tanh" => Layer::Tanh(idinit::layer::Tanh),
        "sigmoid" => Layer::Sigmoid(idinit::layer::Sigmoid),
        "gelu" => Layer::Gelu(idinit::layer::Gelu),
        "flatten" => Layer::Flatten(idinit::layer::Flatten),
        "global_average_pool" => Layer::GlobalAveragePool(idinit::layer::GlobalAveragePool),
        "scalar_bias" => Layer::ScalarBias(idinit::layer::ScalarBias),
        "multiplier" => Layer::Multiplier(idinit::layer::Multiplier),
        "rnn" | "gru" | "lstm" => recurrent::layer(words),
        "embedding" => {
            let (count, width, padding) = (u(1), u(2), u(3) == 1);
            Layer::Embedding(idinit::layer::Embedding { count, width, padding })
        }
        "positions" => Layer::Positions(idinit::layer::Positions),
        "class_token" => Layer::ClassToken(idinit::layer::ClassToken),
        "select" => Layer::Select(idinit::layer::Select { pixel: u(1) }),
        "rms_norm" => Layer::RmsNorm(idinit::layer::RmsNorm { eps: f(1) }),
        "dropout" => Layer::Dropout(idinit::layer::Dropout { probability: f(1) }),
        "attention" => {
            Layer::Attention(idinit::layer::Attention { heads: u(1), causal: u(2) == 1 })
        }
        other => panic!("no layer {other}"),
    }
}

fn graph(block: &Block) -> Graph<ROOM> {
    let sizes: Vec<u32> = block.line("input").split(' ').map(number).collect();
    let mut graph = Graph::draft(Shape::hwc(sizes[0], sizes[1], sizes[2]));
    let mut values = vec![Value::INPUT];
    for line in block.lines("layer") {
        let (words, from) = line.split_once(" from ").unwrap();
        let words: Vec<&str> = words.split(' ').collect();
        let operands: Vec<Value> = from.split(' ').map(|k| values[number::<usize>(k)]).collect();
        graph = graph.at(operands[0]);
        graph = match (words[0], &operands[1..]) {
            ("add", &[second]) => graph.add(second),
            ("concat", &[second]) => graph.concat(second),
            ("channel_scale", &[second]) => graph.scale_channels(second),
            ("attention", &[tokens]) => {
                graph.masked_attention(number(words[1]), words[2] == "1", tokens)
            }
            _ => graph.then(layer(&words)),
        };
        values.push(graph.here());
    }
    let loss: Vec<&str> = block.line("loss").split(' ').collect();
    let graph = match loss[..] {
        ["cross_entropy", smoothing] => graph.cross_entropy(number(smoothing)),
        _ => graph.squared_error(),
    };
    graph.finish().unwrap()
}

/// The weights of a layer in our order and layout, of the tensors of one kind (`tensor`,
/// `gradient`, `after`).
fn weights(block: &Block, nodes: &[Node], k: usize, kinds: &[&str]) -> Vec<f64> {
    let node = &nodes[k];
    let names: &[&str] = match node.layer.kind() {
        Kind::BatchNorm => &["weight", "bias", "running_mean", "running_var"],
        Kind::Rnn | Kind::Gru | Kind::Lstm => recurrent::NAMES,
        _ => &["weight", "bias"],
    };
    let mut all = vec![];
    for name in names {
        let key = format!("nodes.{k}.{name}");
        let kind = kinds.iter().find(|kind| block.lines(&format!("{kind} {key}")).next().is_some());
        let Some(kind) = kind else { continue };
        let tensor = block.tensor(kind, &key);
        let flattened = node
            .from
            .node()
            .map(|from| nodes[from])
            .filter(|before| before.layer.kind() == Kind::Flatten && before.input.pixels() > 1);
        all.extend(match (tensor.sizes.len(), flattened) {
            // a dense layer behind a flattened picture: its columns are CHW there, HWC here
            (2, Some(flatten)) => {
                let Shape { height, width, channels } = flatten.input;
                let picture = [channels, height, width].map(|n| n as usize);
                channels_last(
                    &tensor.numbers,
                    [tensor.sizes[0], picture[0], picture[1], picture[2]],
                )
            }
            _ => tensor.channels_last(),
        });
    }
    all
}

struct Golden {
    case: Case,
    numbers: Numbers,
    block: Block,
}

fn goldens() -> Vec<Golden> {
    let golden = |block: Block| {
        let graph = graph(&block);
        let nodes = graph.nodes();
        let w = (0..nodes.len()).flat_map(|k| weights(&block, nodes, k, &["tensor"])).collect();
        let x = block.tensor("tensor", "x");
        let target = block.tensor("tensor", "target");
        let wanted = match block.line("loss").starts_with("cross_entropy") {
            true => Wanted::Labels(target.numbers.iter().map(|&label| label as u32).collect()),
            false => Wanted::Values(narrow(target.channels_last())),
        };
        let batch = x.sizes[0];
        let numbers = Numbers { w: narrow(w), x: narrow(x.channels_last()), wanted };
        let (name, trains, seed) = (block.line("case"), Trains::All, 0);
        Golden { case: Case { name, graph, planned: batch, batch, trains, seed }, numbers, block }
    };
    FILES.into_iter().flat_map(Block::all).map(golden).collect()
}

#[test]
fn the_file_has_every_layer() {
    let goldens = goldens();
    let cases = FILES.map(|file| file.matches("\ncase ").count());
    assert_eq!(goldens.len(), cases.iter().sum::<usize>());
    // PyTorch has one rectifier, and `bits.rs` holds the other one to it
    for &kind in Kind::ALL.iter().filter(|kind| **kind != Kind::MaskedRelu) {
        let has = goldens.iter().any(|golden| golden.case.graph.uses().has(kind));
        assert!(has, "{} is not in the file", kind.name());
    }
}

#[test]
fn outputs_and_losses_are_pytorchs() {
    for Golden { case, numbers, block } in goldens() {
        let allowed = tolerance(Against::TorchForward, case.graph.nodes());
        let y = infer(&inference(&case), Sgd::default(), &numbers.w, &numbers.x);
        let want = block.tensor("result", "inferred").channels_last();
        close(case.name, &wide(&y), &want, allowed, 1.0);
        let (loss, _) = gradient(&case, &numbers);
        let want = block.tensor("result", "loss").numbers;
        let allowed = allowed + tolerance(Against::Loss, &[]);
        close(case.name, &[f64::from(loss)], &want, allowed, 1.0);
    }
}

#[test]
fn gradients_are_pytorchs() {
    let mut wrong = vec![];
    for Golden { case, numbers, block } in goldens() {
        let (_, got) = gradient(&case, &numbers);
        let nodes = case.graph.nodes();
        let want: Vec<f64> =
            (0..nodes.len()).flat_map(|k| weights(&block, nodes, k, &["gradient"])).collect();
        let allowed = tolerance(Against::TorchGradient, nodes);
        let difference = difference(&wide(&got), &want, allowed, 1e-2);
        wrong.extend(difference.map(|difference| format!("{}: {difference}", case.name)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn running_statistics_are_pytorchs() {
    let mut norms = 0;
    for Golden { case, numbers, block } in goldens() {
        let after = step(&case, &numbers, Momentum::default(), 0.0, f32::NAN).weights;
        let (nodes, plan) = (case.graph.nodes(), plan::<Momentum>(&case));
        for (k, slot) in plan.net().slots().iter().enumerate() {
            if nodes[k].layer.kind() == Kind::BatchNorm {
                // γ and β do not move at rate 0; the statistics do
                let want = weights(&block, nodes, k, &["after", "tensor"]);
                let allowed = tolerance(Against::Statistics, nodes);
                close(case.name, &wide(slot.weights.of(&after)), &want, allowed, 1.0);
                norms += 1;
            }
        }
    }
    assert!(norms >= 4, "{norms} norms");
}
