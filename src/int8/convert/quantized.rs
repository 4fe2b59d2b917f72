//! A network whose numbers are rounded.

use super::ConvertError;
use super::fuse::{Group, groups};
use super::ranges::Ranges;
use crate::graph::Node;
use crate::init::{Initial, Scheme};
use crate::int8::model::names_two;
use crate::int8::plan::{Item, Place, lay};
use crate::int8::{
    Affine, Channel, Layer, Linear, Model, Multiplier, Net, Op, Softmax, Sum, Weights, Window,
};
use crate::layer;
use crate::rule::{Dims, Exact, Rule, Start};
use crate::shape::{Shape, Span};
use std::vec::Vec;

/// The exact rules of the layers' matrices and kernels under a scheme, for [`Options::rules`].
pub fn rules<S: Scheme>(nodes: &[Node], scheme: S) -> Vec<Option<Exact>> {
    let initial: Initial<'_, S> = Initial::new(nodes, scheme);
    let mut rules = std::vec![None; nodes.len()];
    for tensor in initial.tensors().filter(|tensor| tensor.part_number == 0) {
        if let (Some(Rule::Exact(rule)), Some(place)) =
            (initial.rule(&tensor), rules.get_mut(tensor.number))
        {
            *place = Some(rule);
        }
    }
    rules
}

/// What is chosen about the quantised network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The rule of each layer's matrix or kernel, where one is known. A layer whose weights still are those
    /// of its rule is not stored; that it is by rule changes no bit.
    pub rules: &'a [Option<Exact>],
    /// Whether probabilities are put out, and not what the last layer puts out.
    pub softmax: bool,
}

/// What a layer computes, with its numbers.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Dense(Numbers),
    Conv2d(Window, u16, Numbers),
    Depthwise(Window, Numbers),
    Other(Op<'static>),
}

#[derive(Clone, Debug, PartialEq)]
struct Numbers {
    weights: Vec<i8>,
    rule: Option<Exact>,
    channels: Vec<Channel>,
    least: i8,
    /// The steps of the weights, of each channel.
    steps: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    op: Owned,
    from: u16,
    second: u16,
    input: Shape,
    output: Shape,
    values: Affine,
    /// The layers of the network that it is: the one that computes, and the last.
    nodes: [usize; 2],
    /// Whether a rectifier is its end.
    relu: bool,
}

/// A network in whole numbers of 8 bits, in memory of its own.
///
/// ```
/// use idinit::int8::{Int8, Every, convert::{Options, Quantized, Ranges}};
/// use idinit::{graph::Graph, shape::Shape};
///
/// let graph = Graph::<2>::input(Shape::vector(2)).dense(2).relu();
/// let weights = [0.5, -0.25, 1.0, 0.75, 0.1, -0.1]; // W, then b
/// let mut ranges = Ranges::new(graph.nodes());
/// for x in [[1.0, -1.0], [-1.0, 0.5], [0.25, 1.0]] {
///     ranges.see(graph.nodes(), &weights, &x)?;
/// }
/// let quantized = Quantized::of(graph.nodes(), &weights, &ranges, &Options::default())?;
/// let lent = quantized.lend()?;
/// let mut arena = vec![0; lent.arena()];
/// lent.with(|net| {
///     let mut y = [0.0; 2];
///     Int8::<Every>::new(net, &mut arena)?.infer(&[1.0, -1.0], &mut y)?;
///     assert!((y[0] - 0.85).abs() < 0.01 && (y[1] - 0.15).abs() < 0.01, "{y:?}");
///     Ok::<(), idinit::int8::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    input: Shape,
    values: Affine,
    steps: Vec<Step>,
}

/// A [`Quantized`] as an engine sees it.
#[derive(Debug)]
pub struct Lent<'a> {
    input: Shape,
    values: Affine,
    layers: Vec<Layer<'a>>,
    places: Vec<Place>,
    place: Span,
    arena: usize,
}

impl Lent<'_> {
    /// Bytes of the arena.
    pub const fn arena(&self) -> usize {
        self.arena
    }

    /// The model.
    pub fn model(&self) -> Model<'_> {
        Model { input: self.input, values: self.values, layers: &self.layers }
    }

    /// The planned model.
    pub fn net(&self) -> Net<'_> {
        let model = self.model();
        let (input, places, arena) = (self.place, &self.places[..], self.arena);
        Net { uses: model.uses(), model, input, places, arena }
    }

    /// What `work` makes of the planned model.
    pub fn with<T>(&self, work: impl FnOnce(Net<'_>) -> T) -> T {
        work(self.net())
    }
}

/// The step and the zero of values between two numbers, as TensorFlow Lite's converter chooses them: all 256
/// numbers are used, and 0 is one of them.
fn affine([least, most]: [f32; 2]) -> Affine {
    let (least, most) = (f64::from(least.min(0.0)), f64::from(most.max(0.0)));
    if least == most {
        return Affine { scale: 1.0, zero: 0 };
    }
    // a step that f32 has: below, a quotient by it would not be finite
    let scale = (((most - least) / 255.0) as f32).max(f32::MIN_POSITIVE);
    let [low, high] = [least, most].map(|end| end / f64::from(scale));
    let zero = if 128.0 - low < 127.0 + high { -128.0 - low } else { 127.0 - high };
    Affine { scale, zero: libm::round(zero).clamp(-128.0, 127.0) as i8 }
}

impl Quantized {
    /// Quantises a network, `nodes` with their `weights` in the order of memory, for values between `ranges`.
    ///
    /// # Errors
    /// A [`ConvertError`] says why it cannot be.
    pub fn of(
        nodes: &[Node],
        weights: &[f32],
        ranges: &Ranges,
        options: &Options<'_>,
    ) -> Result<Self, ConvertError> {
        let need = crate::init::tensors(nodes).map(|tensor| tensor.part.dims.len()).sum();
        if weights.len() != need {
            return Err(ConvertError::Weights { need, got: weights.len() });
        }
        let groups = groups(nodes, weights)?;
        let input = nodes.first().map_or(Shape::vector(1), |node| node.input);
        let values = affine(ranges.of(0)?);
        let mut steps: Vec<Step> = Vec::new();
        for group in &groups {
            let node = &nodes[group.node];
            let of = |value: usize| match value.checked_sub(1) {
                None => values,
                Some(step) => steps.get(step).map_or(values, |step: &Step| step.values),
            };
            let own = || -> Result<Affine, ConvertError> {
                let [least, most] = ranges.of(group.last + 1)?;
                Ok(affine([if group.relu { 0.0 } else { least }, most]))
            };
            let rule = options.rules.get(group.node).copied().flatten();
            let (op, values) = op(node, group, rule, [of(group.from), of(group.second)], own)?;
            let (from, second) = (group.from as u16, group.second as u16);
            // a dense layer reads its input as a vector
            let input = match op {
                Owned::Dense(_) => Shape::vector(node.input.len() as u32),
                _ => node.input,
            };
            let nodes = [group.node, group.last];
            let (output, relu) = (node.output, group.relu);
            steps.push(Step { op, from, second, input, output, values, nodes, relu });
        }
        if let (Some(last), true) = (steps.last().cloned(), options.softmax) {
            let op = Owned::Other(Op::Softmax(Softmax::new(last.values.scale)));
            let from = steps.len() as u16;
            let (shape, values) = (last.output, Softmax::OUTPUT);
            steps.push(Step { op, from, second: 0, input: shape, output: shape, values, ..last });
        }
        Ok(Self { input, values, steps })
    }

    /// The layers, as an engine sees them, and where they work.
    ///
    /// # Errors
    /// [`ConvertError::Model`] where no engine can run it.
    pub fn lend(&self) -> Result<Lent<'_>, ConvertError> {
        let layers: Vec<Layer<'_>> = self.steps.iter().map(Step::lend).collect();
        let mut places = std::vec![Place::NONE; layers.len()];
        let mut items = std::vec![Item::NONE; layers.len()];
        let model = Model { input: self.input, values: self.values, layers: &layers };
        let (place, arena) = lay(&model, &mut items, &mut places).map_err(ConvertError::Model)?;
        Ok(Lent { input: self.input, values: self.values, layers, places, place, arena })
    }

    /// The layers of the network that each layer is: the one that computes, and the last of those that became
    /// its end.
    pub fn nodes(&self) -> impl Iterator<Item = [usize; 2]> {
        self.steps.iter().map(|step| step.nodes)
    }

    /// What a layer stands for in f32, of all `values` of the network ([`forward`](super::forward)); nothing
    /// for probabilities, which the network does not have.
    pub fn real(&self, layer: usize, values: &[Vec<f32>]) -> Vec<f32> {
        let Some(step) = self.steps.get(layer) else { return Vec::new() };
        if matches!(step.op, Owned::Other(Op::Softmax(_))) {
            return Vec::new();
        }
        let least = if step.relu { 0.0 } else { f32::NEG_INFINITY };
        let value = values.get(step.nodes[1] + 1).map_or(&[][..], Vec::as_slice);
        value.iter().map(|x| x.max(least)).collect()
    }

    /// The steps of a layer's weights, a number for each channel; none for a layer without weights.
    pub fn weight_steps(&self, layer: usize) -> &[f32] {
        match self.steps.get(layer).map(|step| &step.op) {
            Some(
                Owned::Dense(numbers) | Owned::Conv2d(_, _, numbers) | Owned::Depthwise(_, numbers),
            ) => &numbers.steps,
            _ => &[],
        }
    }
}

impl Step {
    fn lend(&self) -> Layer<'_> {
        let op = match &self.op {
            Owned::Dense(numbers) => Op::Dense(numbers.lend()),
            Owned::Conv2d(window, groups, numbers) => Op::Conv2d(*window, *groups, numbers.lend()),
            Owned::Depthwise(window, numbers) => Op::Depthwise(*window, numbers.lend()),
            Owned::Other(op) => *op,
        };
        let Self { from, second, input, output, values, .. } = *self;
        Layer { op, from, second, input, output, values }
    }
}

impl Numbers {
    /// Puts the weights in the order in which they are multiplied, of groups of so many outputs.
    fn interleave(&mut self, outputs: usize) {
        let row = self.weights.len() / self.channels.len().max(1);
        let groups = self.weights.chunks((row * outputs).max(1));
        self.weights = groups.flat_map(|group| interleaved(group, row)).collect();
    }

    fn lend(&self) -> Linear<'_> {
        let weights = match self.rule {
            Some(rule) => Weights::Rule(rule),
            None => Weights::Stored(&self.weights),
        };
        Linear { weights, channels: &self.channels, least: self.least }
    }
}

/// What the group computes, and what its output's numbers mean.
fn op(
    node: &Node,
    group: &Group,
    rule: Option<Exact>,
    [x, second]: [Affine; 2],
    own: impl Fn() -> Result<Affine, ConvertError>,
) -> Result<(Owned, Affine), ConvertError> {
    let too_large = ConvertError::Window { node: group.node };
    let small = |sizes: [u32; 2]| -> Result<[u16; 2], ConvertError> {
        match sizes.map(u16::try_from) {
            [Ok(a), Ok(b)] => Ok([a, b]),
            _ => Err(too_large),
        }
    };
    let window = |kernel, stride, padding| -> Result<Window, ConvertError> {
        let (kernel, stride, padding) = (small(kernel)?, small(stride)?, small(padding)?);
        Ok(Window { kernel, stride, padding })
    };
    Ok(match &node.layer {
        layer::Layer::Dense(_) => {
            let y = own()?;
            let mut numbers = numbers(node, group, rule, x, y)?;
            numbers.interleave(node.output.channels as usize);
            (Owned::Dense(numbers), y)
        }
        layer::Layer::Conv2d(conv) => {
            let y = own()?;
            let window = window(conv.kernel, conv.stride, conv.padding)?;
            let mut numbers = numbers(node, group, rule, x, y)?;
            let alone = conv.groups == node.input.channels && conv.groups > 1;
            match alone {
                true => {
                    numbers.weights = by_taps(&numbers.weights, node.output.channels as usize);
                    (Owned::Depthwise(window, numbers), y)
                }
                false => {
                    let groups = u16::try_from(conv.groups).map_err(|_| too_large)?;
                    numbers.interleave((conv.out / conv.groups.max(1)) as usize);
                    (Owned::Conv2d(window, groups, numbers), y)
                }
            }
        }
        layer::Layer::MaxPool(pool) => {
            let window = window(pool.kernel, pool.stride, pool.padding)?;
            (Owned::Other(Op::MaxPool(window)), x)
        }
        layer::Layer::AveragePool(pool) => {
            let window = window(pool.kernel, pool.stride, [0, 0])?;
            (Owned::Other(Op::AveragePool(window)), x)
        }
        layer::Layer::GlobalAveragePool(_) => {
            let window = window([node.input.height, node.input.width], [1, 1], [0, 0])?;
            (Owned::Other(Op::AveragePool(window)), x)
        }
        layer::Layer::Add(_) => {
            let y = own()?;
            let mut sum = Sum::new([x.scale, second.scale], y.scale);
            if group.relu {
                sum.least = y.zero;
            }
            (Owned::Other(Op::Add(sum)), y)
        }
        layer::Layer::Relu(_) | layer::Layer::MaskedRelu(_) => {
            let y = own()?;
            let multiplier = Multiplier::of(f64::from(x.scale) / f64::from(y.scale));
            (Owned::Other(Op::Relu(multiplier)), y)
        }
        other => {
            return Err(ConvertError::Layer { node: group.node, kind: other.kind() });
        }
    })
}

/// The weights `[out][row]` of a group of outputs in the order in which
/// [`Weights::Stored`](crate::int8::Weights::Stored) has them.
pub fn interleaved(weights: &[i8], row: usize) -> Vec<i8> {
    let mut all = Vec::with_capacity(weights.len());
    let blocks = weights.chunks_exact((4 * row).max(1));
    let behind = blocks.remainder();
    for block in blocks {
        let fours = row - row % 4;
        for at in (0..fours).step_by(4) {
            block.chunks(row).for_each(|row| all.extend(&row[at..at + 4]));
        }
        for at in fours..row {
            all.extend(block.chunks(row).map(|row| row[at]));
        }
    }
    all.extend(behind);
    all
}

/// `[out][taps]` as `[taps][out]`.
fn by_taps(weights: &[i8], out: usize) -> Vec<i8> {
    let taps = weights.len() / out.max(1);
    (0..weights.len()).map(|i| weights[i % out * taps + i / out]).collect()
}

/// The weights and biases of a layer, rounded.
fn numbers(
    node: &Node,
    group: &Group,
    rule: Option<Exact>,
    x: Affine,
    y: Affine,
) -> Result<Numbers, ConvertError> {
    let dims = node.layer.part(node.input, 0).map(|part| part.dims);
    let rule = rule.filter(|rule| {
        !group.folded && names_two(*rule) && dims.is_some_and(|d| is_rule(*rule, d, &group.weights))
    });
    let row = dims.map_or(1, Dims::row);
    let largest = |row: &[f32]| row.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    let all = largest(&group.weights) / 127.0;
    let (mut weights, mut channels, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for (row, bias) in group.weights.chunks(row).zip(&group.bias) {
        // a row of zeros has any step: that of the largest weight
        let step = match largest(row) / 127.0 {
            step if step > 0.0 => step,
            _ if all > 0.0 => all,
            _ => 1.0,
        };
        // the bias must fit, with room for the sum
        let least = f64::from(bias.abs()) / (f64::from(x.scale) * f64::from(1 << 30));
        let step = step.max(least as f32);
        steps.push(step);
        // in f64: what is between two numbers is rounded as the real quotient is
        let round =
            |w: &f32| libm::round(f64::from(*w) / f64::from(step)).clamp(-127.0, 127.0) as i8;
        weights.extend(row.iter().map(round));
        let sum: i64 = weights.iter().rev().take(row.len()).map(|w| i64::from(*w)).sum();
        let unit = f64::from(x.scale) * f64::from(step);
        let bias = libm::round(f64::from(*bias) / unit) as i64 - i64::from(x.zero) * sum;
        let bias = bias as i32;
        let multiplier = Multiplier::of(unit / f64::from(y.scale));
        channels.push(Channel { bias, multiplier });
    }
    // a rule's weights are ±127, which they are not where a bias took a larger step
    let rule = rule.filter(|_| weights.iter().all(|w| matches!(w, -127 | 0 | 127)));
    if rule.is_some() {
        weights.clear();
        if channels.iter().all(|channel| Some(channel) == channels.first()) {
            channels.truncate(1);
        }
    }
    let least = if group.relu { y.zero } else { i8::MIN };
    Ok(Numbers { weights, rule, channels, least, steps })
}

/// Whether weights are still those of a rule, to the bit but for the sign of a zero.
fn is_rule(rule: Exact, dims: Dims, weights: &[f32]) -> bool {
    let mut start = std::vec![0.0; weights.len()];
    rule.fill(dims, &mut start).is_ok() && start == weights
}
