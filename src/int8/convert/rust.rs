//! A quantised network as Rust source, for firmware.

use super::{ConvertError, Quantized};
use crate::int8::{Channel, Layer, Linear, Op, Weights, Window};
use crate::rule::{Exact, Order};
use crate::shape::Shape;
use core::fmt::{self, Write};
use std::string::String;

impl Quantized {
    /// The source of a module with everything that firmware needs: `MODEL`, its `PLAN`, and `Layers`, which
    /// links what the model has and nothing else. Each line of `about` becomes one of its documentation.
    ///
    /// # Errors
    /// [`ConvertError::Model`] where no engine can run it.
    pub fn rust(&self, about: &str) -> Result<String, ConvertError> {
        let lent = self.lend()?;
        let mut out = String::new();
        // writing to a string does not fail
        let _ = module(&mut out, about, &lent.model());
        Ok(out)
    }
}

fn module(out: &mut String, about: &str, model: &crate::int8::Model<'_>) -> fmt::Result {
    for line in about.lines() {
        writeln!(out, "{}", std::format!("//! {line}").trim_end())?;
    }
    let has = |test: fn(&Op<'_>) -> bool| model.layers.iter().any(|layer| test(&layer.op));
    let linear = model.layers.iter().any(|layer| layer.linear().is_some());
    let rule = |layer: &Layer<'_>| match layer.linear().map(|linear| linear.weights) {
        Some(Weights::Rule(rule)) => Some(rule),
        _ => None,
    };
    let mut names = std::vec!["Affine", "Layer", "Links", "Model", "Op", "Ops", "Plan"];
    if linear {
        names.extend(["Channel", "Linear", "Weights"]);
    }
    if has(|op| {
        matches!(op, Op::Conv2d(..) | Op::Depthwise(..) | Op::MaxPool(_) | Op::AveragePool(_))
    }) {
        names.push("Window");
    }
    if has(|op| matches!(op, Op::Add(_) | Op::Relu(_) | Op::Softmax(_))) {
        names.push("Multiplier");
    }
    if has(|op| matches!(op, Op::Add(_))) {
        names.push("Sum");
    }
    if has(|op| matches!(op, Op::Softmax(_))) {
        names.push("Softmax");
    }
    names.sort_unstable();
    // a line each, as rustfmt leaves them whatever their number
    writeln!(out)?;
    for name in names {
        writeln!(out, "use idinit::int8::{name};")?;
    }
    if model.layers.iter().any(|layer| rule(layer).is_some()) {
        let ordered = |rule| matches!(rule, Exact::Identity { .. } | Exact::ZeroPreserving { .. });
        let orders = model.layers.iter().filter_map(rule).any(ordered);
        writeln!(out, "use idinit::rule::{};", if orders { "{Exact, Order}" } else { "Exact" })?;
    }
    writeln!(out, "use idinit::shape::Shape;\n")?;
    for (number, layer) in model.layers.iter().enumerate() {
        if let Some(linear) = layer.linear() {
            numbers(out, number, linear)?;
        }
    }
    let count = model.layers.len();
    writeln!(out, "/// The layers, in the order in which they compute.")?;
    writeln!(
        out,
        "#[rustfmt::skip]\n#[allow(clippy::approx_constant)] // gains are numbers as any other\npub static LAYERS: [Layer<'static>; {count}] = ["
    )?;
    for (number, layer) in model.layers.iter().enumerate() {
        write!(out, "    Layer {{ op: Op::")?;
        op(out, number, &layer.op)?;
        let Layer { from, second, input, output, values, .. } = layer;
        writeln!(out, ", from: {from}, second: {second},")?;
        write!(out, "        input: {}, output: {}", Hwc(*input), Hwc(*output))?;
        writeln!(out, ", values: {} }},", Affine(values))?;
    }
    writeln!(out, "];\n")?;
    writeln!(
        out,
        "/// The network.\n#[rustfmt::skip]\npub const MODEL: Model<'static> = Model {{"
    )?;
    writeln!(
        out,
        "    input: {}, values: {}, layers: &LAYERS,",
        Hwc(model.input),
        Affine(&model.values)
    )?;
    writeln!(out, "}};\n")?;
    writeln!(out, "/// Where everything lies: the arena has `PLAN.arena` bytes.")?;
    writeln!(out, "pub static PLAN: Plan<'static, {count}> = Plan::new(MODEL);\n")?;
    writeln!(out, "/// Links the kinds of layers that the network has.")?;
    writeln!(out, "pub enum Layers {{}}\n")?;
    writeln!(out, "impl Links for Layers {{\n    const OPS: Ops = MODEL.uses();\n}}")
}

/// The static tables of one layer.
fn numbers(out: &mut String, number: usize, linear: &Linear<'_>) -> fmt::Result {
    if let Weights::Stored(weights) = linear.weights {
        writeln!(out, "#[rustfmt::skip]")?;
        writeln!(out, "static W{number}: [i8; {}] = [", weights.len())?;
        for row in weights.chunks(24) {
            write!(out, "   ")?;
            for w in row {
                write!(out, " {w},")?;
            }
            writeln!(out)?;
        }
        writeln!(out, "];")?;
    }
    writeln!(out, "#[rustfmt::skip]")?;
    writeln!(out, "static C{number}: [Channel; {}] = [", linear.channels.len())?;
    for Channel { bias, multiplier } in linear.channels {
        let (mantissa, shift) = (multiplier.mantissa, multiplier.shift);
        writeln!(out, "    Channel::new({bias}, {mantissa}, {shift}),")?;
    }
    writeln!(out, "];\n")
}

struct Hwc(Shape);

impl fmt::Display for Hwc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { height, width, channels } = self.0;
        match (height, width) {
            (1, 1) => write!(f, "Shape::vector({channels})"),
            _ => write!(f, "Shape::hwc({height}, {width}, {channels})"),
        }
    }
}

struct Affine<'a>(&'a crate::int8::Affine);

impl fmt::Display for Affine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the shortest decimal is read to the same number
        write!(f, "Affine {{ scale: {:?}, zero: {} }}", self.0.scale, self.0.zero)
    }
}

struct Multiplier(crate::int8::Multiplier);

impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Multiplier {{ mantissa: {}, shift: {} }}", self.0.mantissa, self.0.shift)
    }
}

fn op(out: &mut String, number: usize, op: &Op<'_>) -> fmt::Result {
    match op {
        Op::Dense(linear) => {
            write!(out, "Dense(")?;
            self::linear(out, number, linear)?;
        }
        Op::Conv2d(window, groups, linear) => {
            write!(out, "Conv2d({}, {groups}, ", Slides(window))?;
            self::linear(out, number, linear)?;
        }
        Op::Depthwise(window, linear) => {
            write!(out, "Depthwise({}, ", Slides(window))?;
            self::linear(out, number, linear)?;
        }
        Op::MaxPool(window) => write!(out, "MaxPool({}", Slides(window))?,
        Op::AveragePool(window) => write!(out, "AveragePool({}", Slides(window))?,
        Op::Add(sum) => {
            let [a, b] = sum.operands.map(Multiplier);
            let (output, least) = (Multiplier(sum.output), sum.least);
            write!(out, "Add(Sum {{ operands: [{a}, {b}], output: {output}, least: {least} }}")?;
        }
        Op::Relu(multiplier) => write!(out, "Relu({}", Multiplier(*multiplier))?,
        Op::Softmax(softmax) => {
            let (multiplier, depth) = (Multiplier(softmax.multiplier), softmax.depth);
            write!(out, "Softmax(Softmax {{ multiplier: {multiplier}, depth: {depth} }}")?;
        }
    }
    write!(out, ")")
}

struct Slides<'a>(&'a Window);

impl fmt::Display for Slides<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { kernel, stride, padding } = self.0;
        write!(f, "Window {{ kernel: {kernel:?}, stride: {stride:?}, padding: {padding:?} }}")
    }
}

fn linear(out: &mut String, number: usize, linear: &Linear<'_>) -> fmt::Result {
    write!(out, "Linear {{ weights: ")?;
    match linear.weights {
        Weights::Stored(_) => write!(out, "Weights::Stored(&W{number})")?,
        Weights::Rule(rule) => {
            write!(out, "Weights::Rule(")?;
            self::rule(out, rule)?;
            write!(out, ")")?;
        }
    }
    write!(out, ", channels: &C{number}, least: {} }}", linear.least)
}

fn rule(out: &mut String, rule: Exact) -> fmt::Result {
    let order = |order| match order {
        Order::Diagonal => "Order::Diagonal",
        Order::ChannelMajor => "Order::ChannelMajor",
        Order::SpatialMajor => "Order::SpatialMajor",
    };
    match rule {
        Exact::Identity { gain, order: way } => {
            write!(out, "Exact::Identity {{ gain: {gain:?}, order: {} }}", order(way))
        }
        Exact::ZeroPreserving { eps, order: way } => {
            write!(out, "Exact::ZeroPreserving {{ eps: {eps:?}, order: {} }}", order(way))
        }
        Exact::Dirac { gain } => write!(out, "Exact::Dirac {{ gain: {gain:?} }}"),
        Exact::DiracZero { eps } => write!(out, "Exact::DiracZero {{ eps: {eps:?} }}"),
        // no other rule is one of a quantised layer
        _ => write!(out, "Exact::Zero"),
    }
}
