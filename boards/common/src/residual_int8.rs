//! A residual network as IDInit starts it: no weight is stored.

use idinit::int8::Affine;
use idinit::int8::Channel;
use idinit::int8::Layer;
use idinit::int8::Linear;
use idinit::int8::Links;
use idinit::int8::Model;
use idinit::int8::Multiplier;
use idinit::int8::Op;
use idinit::int8::Ops;
use idinit::int8::Plan;
use idinit::int8::Sum;
use idinit::int8::Weights;
use idinit::int8::Window;
use idinit::rule::{Exact, Order};
use idinit::shape::Shape;

#[rustfmt::skip]
static C0: [Channel; 1] = [
    Channel::new(6350, 1557677561, -6),
];

#[rustfmt::skip]
static C1: [Channel; 1] = [
    Channel::new(16256, 1082196480, -6),
];

#[rustfmt::skip]
static C2: [Channel; 1] = [
    Channel::new(0, 1082196550, -7),
];

#[rustfmt::skip]
static C4: [Channel; 1] = [
    Channel::new(16256, 1082196480, -6),
];

#[rustfmt::skip]
static C5: [Channel; 1] = [
    Channel::new(0, 1082196600, -7),
];

#[rustfmt::skip]
static C8: [Channel; 1] = [
    Channel::new(0, 1082198714, -7),
];

/// The layers, in the order in which they compute.
#[rustfmt::skip]
#[allow(clippy::approx_constant)] // gains are numbers as any other
pub static LAYERS: [Layer<'static>; 9] = [
    Layer { op: Op::Conv2d(Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] }, 1, Linear { weights: Weights::Rule(Exact::Identity { gain: 1.4142135, order: Order::SpatialMajor }), channels: &C0, least: -128 }), from: 0, second: 0,
        input: Shape::hwc(8, 8, 1), output: Shape::hwc(8, 8, 8), values: Affine { scale: 0.01024574, zero: -128 } },
    Layer { op: Op::Conv2d(Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] }, 1, Linear { weights: Weights::Rule(Exact::Identity { gain: 1.0, order: Order::SpatialMajor }), channels: &C1, least: -128 }), from: 1, second: 0,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(8, 8, 8), values: Affine { scale: 0.01024574, zero: -128 } },
    Layer { op: Op::Conv2d(Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] }, 1, Linear { weights: Weights::Rule(Exact::ZeroPreserving { eps: 1e-6, order: Order::SpatialMajor }), channels: &C2, least: -128 }), from: 2, second: 0,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(8, 8, 8), values: Affine { scale: 2.049148e-8, zero: -1 } },
    Layer { op: Op::Add(Sum { operands: [Multiplier { mantissa: 1125899890, shift: -19 }, Multiplier { mantissa: 1073741824, shift: 0 }], output: Multiplier { mantissa: 2147481501, shift: -19 }, least: -128 }), from: 3, second: 1,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(8, 8, 8), values: Affine { scale: 0.010245751, zero: -128 } },
    Layer { op: Op::Conv2d(Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] }, 1, Linear { weights: Weights::Rule(Exact::Identity { gain: 1.0, order: Order::SpatialMajor }), channels: &C4, least: -128 }), from: 4, second: 0,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(8, 8, 8), values: Affine { scale: 0.010245751, zero: -128 } },
    Layer { op: Op::Conv2d(Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] }, 1, Linear { weights: Weights::Rule(Exact::ZeroPreserving { eps: 1e-6, order: Order::SpatialMajor }), channels: &C5, least: -128 }), from: 5, second: 0,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(8, 8, 8), values: Affine { scale: 2.04915e-8, zero: -1 } },
    Layer { op: Op::Add(Sum { operands: [Multiplier { mantissa: 1125899837, shift: -19 }, Multiplier { mantissa: 1073741824, shift: 0 }], output: Multiplier { mantissa: 2147481501, shift: -19 }, least: -128 }), from: 6, second: 4,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(8, 8, 8), values: Affine { scale: 0.010245761, zero: -128 } },
    Layer { op: Op::MaxPool(Window { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }), from: 7, second: 0,
        input: Shape::hwc(8, 8, 8), output: Shape::hwc(4, 4, 8), values: Affine { scale: 0.010245761, zero: -128 } },
    Layer { op: Op::Dense(Linear { weights: Weights::Rule(Exact::ZeroPreserving { eps: 1e-6, order: Order::SpatialMajor }), channels: &C8, least: -128 }), from: 8, second: 0,
        input: Shape::vector(128), output: Shape::vector(10), values: Affine { scale: 2.049148e-8, zero: -1 } },
];

/// The network.
#[rustfmt::skip]
pub const MODEL: Model<'static> = Model {
    input: Shape::hwc(8, 8, 1), values: Affine { scale: 0.01042797, zero: -50 }, layers: &LAYERS,
};

/// Where everything lies: the arena has `PLAN.arena` bytes.
pub static PLAN: Plan<'static, 9> = Plan::new(MODEL);

/// Links the kinds of layers that the network has.
pub enum Layers {}

impl Links for Layers {
    const OPS: Ops = MODEL.uses();
}
