//! The networks that every test goes through: awkward sizes first.

use super::token_cases;
use idinit::graph::{Graph, Role, Value};
use idinit::layer::{
    AveragePool, BatchNorm, Conv2d, Dense, Kind, Layer, MaxPool, Padding, Shortcut,
};
use idinit::plan::Mode;
use idinit::shape::Shape;
use idinit::update::Update;

/// The most layers that a case has.
pub const ROOM: usize = 16;

/// Which layers a case trains.
#[derive(Clone, Copy, Debug)]
pub enum Trains {
    All,
    Last(u32),
    Only(&'static [&'static str]),
    /// Biases and norms alone.
    Vectors,
    /// The same, with bits for the way back of rectifiers.
    Masked,
    /// Low-rank adapters alone.
    Adapters,
}

impl Trains {
    pub const fn mode<U: Update>(self) -> Mode {
        match self {
            Self::All => Mode::train::<U>(),
            Self::Last(count) => Mode::train::<U>().last(count),
            Self::Only(names) => Mode::train::<U>().only(names),
            Self::Vectors => Mode::train::<U>().vectors(),
            Self::Masked => Mode::train::<U>().vectors().masked(),
            Self::Adapters => Mode::train::<U>().adapters(),
        }
    }
}

/// A network, the batch it is planned for, and the batch that comes.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub graph: Graph<ROOM>,
    pub planned: usize,
    pub batch: usize,
    pub trains: Trains,
    pub seed: u64,
}

impl Case {
    /// The same case, planned for another batch.
    pub fn planned_for(&self, planned: usize) -> Self {
        let mut case = *self;
        case.planned = planned;
        case
    }

    /// The same case with other layers trained.
    pub fn training(&self, trains: Trains) -> Self {
        let mut case = *self;
        case.trains = trains;
        case
    }

    /// Whether batch norm makes the outputs depend on what is trained.
    pub fn has_batch_norm(&self) -> bool {
        self.graph.uses().has(Kind::BatchNorm)
    }
}

pub fn hwc(height: u32, width: u32, channels: u32) -> Graph<ROOM> {
    Graph::input(Shape::hwc(height, width, channels))
}

pub fn vector(n: u32) -> Graph<ROOM> {
    Graph::input(Shape::vector(n))
}

/// A convolution: outputs, kernel, stride, padding, groups; biases come by turns.
fn conv(out: u32, kernel: [u32; 2], stride: [u32; 2], padding: [u32; 2], groups: u32) -> Layer {
    Layer::Conv2d(Conv2d { out, kernel, stride, padding, groups, bias: out % 2 == 1 })
}

pub fn max(kernel: [u32; 2], stride: [u32; 2]) -> Layer {
    padded_max(kernel, stride, [0, 0])
}

fn padded_max(kernel: [u32; 2], stride: [u32; 2], padding: [u32; 2]) -> Layer {
    Layer::MaxPool(MaxPool { kernel, stride, padding })
}

fn average(kernel: [u32; 2], stride: [u32; 2]) -> Layer {
    Layer::AveragePool(AveragePool { kernel, stride })
}

fn shortcut(channels: u32, stride: u32, padding: Padding) -> Layer {
    Layer::Shortcut(Shortcut { channels, stride, padding })
}

const UNBIASED: Layer = Layer::Dense(Dense { out: 4, bias: false });

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let mut add = |name, graph: Graph<ROOM>, [planned, batch]: [usize; 2], trains| {
        let graph = graph.finish().unwrap();
        let seed = 100 + cases.len() as u64;
        cases.push(Case { name, graph, planned, batch, trains, seed });
    };
    let same = |n: usize| [n, n];
    dense(&mut add, same);
    convolutions(&mut add, same);
    activations(&mut add, same);
    norms(&mut add, same);
    pools(&mut add, same);
    residual(&mut add, same);
    partly_trained(&mut add, same);
    super::recurrent::add_cases(&mut add);
    token_cases::add(&mut add);
    masked(&mut add, same);
    cases
}

/// Networks large enough for every path of the host's kernels: whole and partial vectors of channels,
/// several blocks and tiles, more examples than runs. Too slow for the definition.
#[cfg(feature = "std")]
pub fn large() -> Vec<Case> {
    let mut cases = vec![];
    let mut add = |name, graph: Graph<ROOM>, [planned, batch]: [usize; 2]| {
        let graph = graph.finish().unwrap();
        let (trains, seed) = (Trains::All, 900 + cases.len() as u64);
        cases.push(Case { name, graph, planned, batch, trains, seed });
    };
    let g = hwc(9, 13, 3).then(conv(20, [3, 3], [1, 1], [1, 1], 1)).relu();
    let g = g.then(conv(33, [3, 3], [2, 2], [1, 1], 1)).tanh();
    let g = g
        .then(conv(70, [3, 2], [2, 1], [0, 1], 1))
        .relu()
        .then(conv(64, [1; 2], [1; 2], [0; 2], 1));
    add("many convolutions", g.global_average_pool().dense(5).cross_entropy(0.0), [37, 35]);
    let g = hwc(16, 16, 16).then(conv(16, [3, 3], [1, 1], [1, 1], 1)).batch_norm().relu();
    let skip = g.here();
    let g = g.then(conv(16, [3, 3], [1, 1], [1, 1], 1)).batch_norm().relu();
    let g = g.then(conv(16, [3, 3], [1, 1], [1, 1], 1)).batch_norm().add(skip).relu();
    add(
        "a wide block with batch norms",
        g.global_average_pool().dense(10).cross_entropy(0.0),
        [20, 19],
    );
    // odd pictures, all paddings, and vectors of channels that fill blocks or do not
    let g = hwc(9, 7, 16).then(conv(32, [3, 3], [1, 1], [1, 2], 1)).relu();
    let g = g.then(conv(48, [3, 3], [1, 1], [0, 1], 1)).tanh();
    let g = g.then(conv(80, [3, 3], [1, 1], [2, 0], 1)).relu();
    let g = g.then(conv(16, [3, 3], [1, 1], [1, 1], 1));
    add("3 × 3 taps on odd pictures", g.dense(5).cross_entropy(0.0), [37, 35]);
    let g = hwc(2, 3, 64).then(conv(64, [3, 3], [1, 1], [1, 1], 1)).relu();
    add("3 × 3 taps on small pictures", g.dense(5).squared_error(), [50, 33]);
    let g = hwc(8, 8, 32).then(conv(64, [3, 3], [2, 2], [1, 1], 1)).relu();
    let g = g.then(conv(48, [5, 5], [3, 3], [2, 2], 1)).dense(7).squared_error();
    add("strides 2 and 3", g, [17, 17]);
    // few gradients along a line, in windows that reach over both of its ends
    let g = hwc(1, 40, 12).then(conv(21, [1, 6], [1, 2], [0, 5], 1)).tanh();
    let g = g.then(conv(20, [1, 5], [1, 1], [0, 3], 1));
    let steps = g.shape(g.here()).unwrap().width;
    let most = Layer::MaxPool(MaxPool { kernel: [1, steps], stride: [1, 1], padding: [0, 0] });
    add("the maximum over time", g.then(most).relu().dense(5).cross_entropy(0.0), [40, 33]);
    // strips of tokens, the last of which is not whole, and a mask beside them
    let g = hwc(1, 75, 6).linear(3 * 44).attention(2, true).linear(30).attention(1, true);
    add("causal attention over many tokens", g.dense(3).cross_entropy(0.0), [4, 3]);
    let projected = hwc(1, 70, 1).padded_embedding(4, 3).positions().linear(12);
    let g = projected.masked_attention(2, true, Value::INPUT).dense(3).cross_entropy(0.0);
    add("masked causal attention over many tokens", g, [5, 3]);
    let g = vector(300).dense(257).relu().dense(130).tanh().dense(10).cross_entropy(0.1);
    add("wide dense layers", g, [64, 61]);
    let g = hwc(1, 50, 48).linear(96).gelu().linear(48).layer_norm().linear(11);
    add("a line of tokens", g.squared_error(), [40, 33]);
    super::recurrent::add_large(&mut add);
    // more numbers than one run has, of which the last is not whole
    let g = hwc(1, 50, 48).positions().linear(47).rms_norm().dropout(0.3).linear(20);
    add("a line of tokens with positions", g.rms_norm().squared_error(), [40, 33]);
    let g = hwc(7, 7, 9).linear(48).class_token().dropout(0.1).positions().rms_norm().linear(7);
    add("a picture behind a class token", g.cross_entropy(0.1), [37, 35]);
    let g = hwc(1, 50, 48).scalar_bias().linear(47).multiplier().tanh().scalar_bias();
    add("scalars of many numbers", g.multiplier().linear(5).squared_error(), [40, 33]);
    cases
}

pub type Add<'a> = &'a mut dyn FnMut(&'static str, Graph<ROOM>, [usize; 2], Trains);

fn dense(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::All;
    add("one number to one number", vector(1).dense(1).squared_error(), same(1), All);
    add("dense 1-4-1", vector(1).dense(4).tanh().dense(1).squared_error(), same(3), All);
    add("dense 3-5, one example", vector(3).dense(5).cross_entropy(0.0), same(1), All);
    add(
        "dense 7-8-9, one example",
        vector(7).dense(8).tanh().dense(9).squared_error(),
        same(1),
        All,
    );
    add("dense 9-13-4", vector(9).dense(13).tanh().dense(4).cross_entropy(0.1), same(5), All);
    add("dense 16-16-5", vector(16).dense(16).tanh().dense(5).cross_entropy(0.0), same(3), All);
    add("dense 8-3, part of a batch", vector(8).dense(3).cross_entropy(0.1), [5, 3], All);
    add(
        "dense without bias",
        vector(13).then(UNBIASED).tanh().then(UNBIASED).squared_error(),
        same(3),
        All,
    );
    add("dense on a picture", hwc(2, 3, 3).dense(5).cross_entropy(0.0), same(3), All);
    add("one class only", vector(4).dense(1).cross_entropy(0.1), same(3), All);
}

fn convolutions(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::All;
    let sum = |graph: Graph<ROOM>| graph.squared_error();
    let one = [1, 1];
    // (name, input, layer, batch)
    let all: [(&'static str, [u32; 3], Layer, usize); 22] = [
        ("1 × 1 picture, 1 × 1 kernel", [1, 1, 1], conv(1, one, one, [0, 0], 1), 1),
        ("1 × 1 picture, 3 × 3 kernel", [1, 1, 3], conv(4, [3, 3], one, one, 1), 3),
        ("1 × 1 picture, more padding than needed", [1, 1, 1], conv(3, [3, 3], one, [4, 3], 1), 1),
        ("3 × 3 kernel, 1 to 3", [4, 5, 1], conv(3, [3, 3], one, one, 1), 3),
        ("3 × 3 kernel, 3 to 4", [5, 4, 3], conv(4, [3, 3], one, one, 1), 1),
        ("3 × 3 kernel, 4 to 5", [4, 4, 4], conv(5, [3, 3], one, one, 1), 5),
        ("3 × 3 kernel, 5 to 7, no padding", [4, 5, 5], conv(7, [3, 3], one, [0, 0], 1), 3),
        ("1 × 1 kernel, 7 to 8", [3, 2, 7], conv(8, one, one, [0, 0], 1), 3),
        ("1 × 1 kernel, 8 to 9", [2, 3, 8], conv(9, one, one, [0, 0], 1), 3),
        ("1 × 1 kernel, 9 to 13", [2, 2, 9], conv(13, one, one, [0, 0], 1), 3),
        ("2 × 2 kernel, 13 to 4", [3, 3, 13], conv(4, [2, 2], one, one, 1), 3),
        ("2 × 1 kernel, 16 to 9", [3, 2, 16], conv(9, [2, 1], one, [0, 0], 1), 1),
        ("4 × 2 kernel, stride 2", [7, 6, 3], conv(5, [4, 2], [2, 2], [1, 1], 1), 3),
        ("stride 2 and 3", [7, 8, 3], conv(4, [3, 3], [2, 3], one, 1), 3),
        ("stride 3, kernel 1: pixels left out", [5, 7, 4], conv(3, one, [3, 3], [0, 0], 1), 3),
        ("a line: [1, 5]", [1, 9, 3], conv(4, [1, 5], [1, 2], [0, 2], 1), 3),
        ("a line: [4, 1]", [6, 1, 5], conv(3, [4, 1], one, [2, 0], 1), 3),
        ("more padding than needed", [3, 3, 4], conv(5, [3, 3], [2, 2], [5, 4], 1), 3),
        ("5 × 5 kernel on 2 × 2", [2, 2, 3], conv(4, [5, 5], one, [2, 2], 1), 3),
        ("2 groups, 6 to 10", [4, 3, 6], conv(10, [3, 3], one, one, 2), 3),
        ("depthwise, 5", [4, 5, 5], conv(5, [3, 3], [2, 1], one, 5), 3),
        ("depthwise that doubles, 3 to 6", [3, 4, 3], conv(6, [2, 3], one, [1, 0], 3), 1),
    ];
    for (name, [h, w, c], layer, batch) in all {
        // a layer before it, so that the gradient of its input is wanted too
        let before = conv(c, one, one, [0, 0], c);
        add(name, sum(hwc(h, w, c).then(before).then(layer)), same(batch), All);
    }
    let odd = hwc(3, 4, 2).conv2d(9, 3).tanh().conv2d(7, 3).dense(5);
    add("two convolutions, part of a batch", odd.cross_entropy(0.1), [5, 3], All);
    let grouped = hwc(3, 2, 8).then(conv(16, [3, 1], one, [1, 0], 2)).tanh();
    let grouped = grouped.then(conv(8, [1, 1], one, [0, 0], 4)).flatten().dense(3);
    add("groups of 4 and 8", grouped.cross_entropy(0.0), same(3), All);
}

fn activations(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::All;
    let begin = || vector(5).dense(7);
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    add("relu", end(begin().relu()), same(3), All);
    add("leaky relu", end(begin().leaky_relu(0.1)), same(3), All);
    add("tanh", end(begin().tanh()), same(3), All);
    add("sigmoid", end(begin().sigmoid()), same(3), All);
    add("gelu", end(begin().gelu()), same(3), All);
    add("scalar bias", end(begin().scalar_bias().tanh()), same(3), All);
    add("multiplier", end(begin().multiplier().tanh()), same(3), All);
    add("an activation of the input", vector(4).gelu().dense(3).squared_error(), same(3), All);
    add("a sigmoid at the end", begin().sigmoid().squared_error(), same(3), All);
    add("a relu at the end", begin().relu().squared_error(), [4, 3], All);
    add(
        "a scalar bias at both ends",
        vector(3).scalar_bias().dense(4).scalar_bias().squared_error(),
        same(3),
        All,
    );
    add(
        "a multiplier at both ends",
        vector(3).multiplier().dense(4).multiplier().squared_error(),
        [3, 1],
        All,
    );
    let row = begin().relu().multiplier().gelu().scalar_bias().leaky_relu(0.3).sigmoid().tanh();
    add("one activation on the other", end(row), same(3), All);
}

fn norms(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::All;
    let net = hwc(3, 2, 2).conv2d(5, 3).batch_norm().relu().dense(4).cross_entropy(0.1);
    add("batch norm", net, same(3), All);
    add("batch norm, part of a batch", net, [5, 3], All);
    add("batch norm of one example", net, same(1), All);
    add(
        "batch norm of a vector",
        vector(4).dense(5).batch_norm().tanh().dense(3).squared_error(),
        same(5),
        All,
    );
    add("batch norm of the input", vector(4).batch_norm().dense(3).squared_error(), same(5), All);
    let quick = Layer::BatchNorm(BatchNorm { eps: 1e-2, momentum: 0.5 });
    add("batch norm at the end", vector(3).dense(4).then(quick).squared_error(), same(5), All);
    add(
        "layer norm",
        vector(4).dense(7).layer_norm().tanh().dense(3).cross_entropy(0.0),
        same(3),
        All,
    );
    add(
        "layer norm of a picture",
        hwc(2, 3, 2).conv2d(5, 3).layer_norm().dense(3).squared_error(),
        [5, 3],
        All,
    );
    add(
        "layer norm of the input",
        hwc(2, 1, 5).layer_norm().dense(3).squared_error(),
        same(3),
        All,
    );
}

fn pools(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::All;
    let begin = || hwc(5, 6, 2).conv2d(3, 3);
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    add("max pool", end(begin().max_pool(2)), same(3), All);
    add("max pool that overlaps", end(begin().then(max([3, 2], [1, 1]))), same(3), All);
    add("max pool that leaves out pixels", end(begin().then(max([2, 1], [3, 2]))), [5, 3], All);
    let stem = padded_max([3, 3], [2, 2], [1, 1]);
    add("max pool of a padded picture", end(begin().then(stem)), same(3), All);
    let wide = padded_max([4, 5], [1, 3], [2, 2]);
    add(
        "max pool with more padding than picture",
        end(hwc(1, 2, 3).conv2d(2, 3).then(wide)),
        [4, 2],
        All,
    );
    add("average pool", end(begin().average_pool(2)), same(3), All);
    add("average pool that overlaps", end(begin().then(average([2, 3], [1, 2]))), [5, 3], All);
    add("global average pool", end(begin().global_average_pool()), same(3), All);
    add(
        "pools of the input",
        hwc(4, 4, 3).max_pool(2).average_pool(2).dense(2).squared_error(),
        same(3),
        All,
    );
    add("a pool at the end", begin().max_pool(3).squared_error(), same(3), All);
    add("1 × 1 pools", end(hwc(1, 1, 4).conv2d(5, 1).max_pool(1).average_pool(1)), same(1), All);
    add("a global pool at the end", begin().global_average_pool().cross_entropy(0.0), same(3), All);
    add(
        "flatten first and last",
        hwc(2, 2, 3).flatten().dense(4).flatten().cross_entropy(0.0),
        same(3),
        All,
    );
}

fn residual(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::All;
    let g = hwc(3, 3, 2).conv2d(4, 3).relu();
    let skip = g.here();
    let block = g.conv2d(4, 3).relu().conv2d(4, 3).add(skip).relu();
    add("a residual block", block.global_average_pool().dense(3).cross_entropy(0.0), same(3), All);

    let three = vector(4).dense(5);
    let value = three.here();
    let three = three.tanh().dense(5).add(value).gelu().dense(5).add(value).dense(3);
    add("a value used three times", three.cross_entropy(0.1), same(3), All);

    let fans = vector(4).dense(5);
    let value = fans.here();
    let one = fans.relu();
    let a = one.here();
    let two = one.at(value).tanh();
    let b = two.here();
    let fans = two.at(value).scalar_bias().add(a).add(b).dense(2);
    add("three in-place layers on one value", fans.squared_error(), same(3), All);

    let skip = vector(5).dense(5).tanh().dense(5).add(Value::INPUT).dense(2).squared_error();
    add("a skip from the input", skip, same(3), All);

    let input_first = vector(5).dense(5).tanh();
    let branch = input_first.here();
    let input_first = input_first.at(Value::INPUT).add(branch).dense(3).squared_error();
    add("the input as the first operand", input_first, same(3), All);

    let down = hwc(5, 4, 3).conv2d(3, 3).relu();
    let from = down.here();
    for (name, padding) in [
        ("a shortcut with zeros behind", Padding::Behind),
        ("a shortcut with zeros around", Padding::Around),
    ] {
        let branch = down.then(conv(8, [3, 3], [2, 2], [1, 1], 1)).relu().conv2d(8, 1);
        let end = branch.here();
        let net = branch.at(from).then(shortcut(8, 2, padding)).add(end).relu().dense(2);
        add(name, net.cross_entropy(0.0), [5, 3], All);
    }
    let odd = hwc(4, 5, 2).then(shortcut(5, 3, Padding::Around)).dense(3).squared_error();
    add("a shortcut of the input, stride 3", odd, same(3), All);
    let last = hwc(2, 2, 2).conv2d(3, 3).then(shortcut(3, 1, Padding::Behind)).squared_error();
    add("a shortcut at the end", last, same(3), All);

    let fixup = hwc(3, 3, 1).conv2d(4, 3).scalar_bias().relu();
    let skip = fixup.here();
    let fixup = fixup.scalar_bias().conv2d(4, 3).scalar_bias().relu().scalar_bias().conv2d(4, 3);
    let fixup = fixup.multiplier().scalar_bias().add(skip).relu().dense(3).cross_entropy(0.0);
    add("a block of Fixup", fixup, same(3), All);

    let normed = hwc(3, 3, 2).conv2d(4, 3).batch_norm().relu();
    let skip = normed.here();
    let normed = normed.conv2d(4, 3).batch_norm().relu().conv2d(4, 3).batch_norm().add(skip);
    add("a block with batch norms", normed.relu().dense(3).cross_entropy(0.0), same(3), All);

    let sum_last = vector(3).dense(4);
    let value = sum_last.here();
    let sum_last = sum_last.tanh().dense(4).add(value).squared_error();
    add("a sum at the end", sum_last, same(3), All);

    let unused = vector(3).dense(4);
    let value = unused.here();
    let unused = unused.tanh().dense(7).at(value).gelu().dense(2).squared_error();
    add("a branch that leads nowhere", unused, same(3), All);
}

/// Rectifiers that keep bits, 30 to a number: of 125 and 75 numbers, of 30 and 31, and in the last place.
fn masked(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    let net = hwc(5, 5, 2).conv2d(5, 3).relu().conv2d(3, 3).relu().max_pool(2).dense(3);
    add("only biases, rectifiers by bits", net.cross_entropy(0.0), [5, 3], Trains::Masked);
    let net = vector(4).dense(30).masked_relu().dense(31).masked_relu().dense(2).squared_error();
    add("rectifiers by bits", net, same(3), Trains::All);
    let net = vector(4).dense(7).masked_relu().layer_norm().masked_relu().squared_error();
    add("rectifiers by bits at the end", net, [5, 3], Trains::Last(2));
}

/// A residual network whose layers have names.
pub fn adaptable() -> Graph<ROOM> {
    let strided = Conv2d { stride: [2, 1], bias: false, ..Conv2d::same(3, 3) };
    let g = hwc(4, 3, 2).then(Layer::Conv2d(strided)).name("stem").batch_norm().relu();
    let skip = g.here();
    let g = g.conv2d(3, 3).role(Role::BranchEnd).name("end").add(skip);
    g.dense(4).role(Role::Head).name("head").cross_entropy(0.1)
}

fn partly_trained(add: Add<'_>, same: impl Fn(usize) -> [usize; 2]) {
    use Trains::{Adapters, Last, Only, Vectors};
    let net =
        hwc(3, 3, 2).conv2d(4, 3).relu().max_pool(2).dense(5).tanh().dense(3).cross_entropy(0.0);
    add("only the head", net, same(3), Last(1));
    add("the last two", net, same(3), Last(2));
    let first = vector(4).dense(5).name("a").gelu().dense(5).sigmoid().dense(3).squared_error();
    add("only the first", first, same(3), Only(&["a"]));

    add("only biases", net, [5, 3], Vectors);
    let mixed = vector(4).then(UNBIASED).layer_norm().gelu().dense(5).gelu().dense(3);
    add("only biases and a norm", mixed.cross_entropy(0.0), same(3), Vectors);
    add("only biases, one example", mixed.cross_entropy(0.0), same(1), Vectors);
    let block = hwc(4, 4, 2).conv2d(3, 3).batch_norm().relu();
    let skip = block.here();
    let block = block.conv2d(3, 3).batch_norm().add(skip).multiplier().relu().conv2d(2, 3);
    add("only biases and norms of a block", block.dense(3).squared_error(), [5, 3], Vectors);

    let adapted: Graph<ROOM> = adaptable().adapted(2, &["stem", "end", "head"]);
    add("only adapters", adapted, [5, 3], Adapters);
    add("adapters and all else", adapted, same(3), Trains::All);

    let begin = || hwc(4, 4, 2).conv2d(3, 3).name("a");
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    const A: Trains = Only(&["a"]);
    add("frozen batch norm before relu", end(begin().batch_norm().relu()), same(3), A);
    add("frozen batch norm before a pool", end(begin().batch_norm().max_pool(2)), same(3), A);
    add(
        "frozen batch norm before tanh",
        end(begin().batch_norm().tanh().average_pool(2)),
        same(3),
        A,
    );
    add("frozen batch norm before conv", end(begin().batch_norm().conv2d(4, 3)), [5, 3], A);
    add("frozen batch norm at the end", begin().batch_norm().squared_error(), same(3), A);
    add("two frozen batch norms", end(begin().batch_norm().batch_norm().max_pool(2)), same(3), A);
    let g = begin();
    let skip = g.here();
    let block = g.batch_norm().relu().conv2d(3, 3).batch_norm().add(skip).batch_norm().max_pool(2);
    add("frozen batch norms around a sum", end(block), same(3), A);
    let mixed = begin().batch_norm().name("bn").relu().conv2d(3, 1).batch_norm().relu();
    add("one norm trained, one frozen", end(mixed), same(3), Only(&["a", "bn"]));
    add("a trained norm behind frozen layers", end(mixed), same(3), Only(&["bn"]));
    add("frozen layer norm", end(begin().layer_norm().max_pool(2)), same(3), A);
    add("frozen scalars", end(begin().scalar_bias().multiplier().max_pool(2)), same(3), A);
    let skipped = begin();
    let early = skipped.here();
    let skipped = skipped.relu().conv2d(3, 3).name("b").relu().conv2d(3, 3).add(early);
    add("a frozen skip", end(skipped.global_average_pool()), same(3), Only(&["b"]));
}

#[test]
fn every_layer_and_every_loss_has_a_case() {
    let cases = cases();
    for &kind in Kind::ALL {
        let in_case = |case: &&Case| case.graph.uses().has(kind);
        let trained = cases.iter().filter(in_case).count();
        assert!(trained >= 2, "{} has {trained} cases", kind.name());
    }
    use idinit::loss::Loss;
    for loss in [
        Loss::SquaredError,
        Loss::CrossEntropy { smoothing: 0.0 },
        Loss::CrossEntropy { smoothing: 0.1 },
    ] {
        assert!(cases.iter().any(|case| case.graph.loss() == loss), "{loss:?}");
    }
    for (i, a) in cases.iter().enumerate() {
        assert!(cases[..i].iter().all(|b| a.name != b.name), "{} is there twice", a.name);
        assert!((1..=a.planned).contains(&a.batch), "{}", a.name);
    }
}
