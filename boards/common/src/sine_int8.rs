//! The sine of a number from 0 to 2 π: 1-16-16-1, trained and quantised.

use idinit::int8::Affine;
use idinit::int8::Channel;
use idinit::int8::Layer;
use idinit::int8::Linear;
use idinit::int8::Links;
use idinit::int8::Model;
use idinit::int8::Op;
use idinit::int8::Ops;
use idinit::int8::Plan;
use idinit::int8::Weights;
use idinit::shape::Shape;

#[rustfmt::skip]
static W0: [i8; 16] = [
    -127, 127, -127, -127, 127, -127, 127, -127, -127, -127, -127, 127, 127, 127, -127, -127,
];
#[rustfmt::skip]
static C0: [Channel; 16] = [
    Channel::new(18878, 1582301703, -8),
    Channel::new(9531, 1880376981, -9),
    Channel::new(-18288, 1136337784, -6),
    Channel::new(-12699, 1133756678, -6),
    Channel::new(12745, 1142957649, -7),
    Channel::new(-20129, 1481641213, -6),
    Channel::new(31463, 1316403449, -7),
    Channel::new(-6320, 1873121437, -8),
    Channel::new(-8188, 2144662252, -8),
    Channel::new(-21518, 1418320154, -7),
    Channel::new(-28646, 1175787448, -7),
    Channel::new(29622, 1532057231, -7),
    Channel::new(4622, 1220992213, -6),
    Channel::new(9355, 1244430737, -7),
    Channel::new(-23433, 2128341722, -7),
    Channel::new(12929, 1493436381, -8),
];

#[rustfmt::skip]
static W1: [i8; 256] = [
    106, -36, -31, 4, 96, -100, 12, -94, 127, -4, 2, -3, 97, 1, 9, -4, -8, 7, -2, -85, -63, -93, -60, -54,
    16, 13, 11, 50, -29, -17, 49, -75, -91, -5, -19, 18, -1, 17, -45, -3, 54, 6, 8, 30, -72, -1, 8, 12,
    -125, -50, 11, 127, 127, -120, 80, -91, -88, 3, -14, -107, -72, -63, 0, 127, 126, -1, -14, -2, 55, -48, -3, -20,
    30, -17, 12, 89, -49, 51, 3, -20, 6, 21, -10, -58, 25, -26, 57, 40, -97, 35, -44, 127, -29, -8, -120, 114,
    -40, 3, 13, 8, 87, 52, -49, 36, 65, -6, 0, -31, 54, 62, 48, -127, -69, -16, 22, 127, -112, 19, 31, -127,
    -39, -55, 16, 52, 60, -67, 53, 35, -31, 10, 1, 127, 127, -1, 4, 16, 108, -22, 38, 47, 94, 48, 40, -33,
    4, 29, -15, 43, -9, -7, 12, 2, -59, -45, -46, 124, 17, -76, -58, 3, 45, -8, -31, -18, -2, -11, -1, 14,
    102, 56, 52, -16, -91, -82, -57, -41, 0, 12, -25, 24, -37, -9, -11, -54, 23, -127, 13, 91, -127, 46, 92, 64,
    -127, 16, -7, -111, 21, -5, 3, -20, 43, -16, -6, 19, -116, 86, -15, -15, -115, -72, -119, -73, -5, 67, -38, 56,
    43, -44, 10, -127, -37, 36, -80, -127, 82, 88, 106, 50, -106, 25, -54, 29, -114, 27, -3, -53, 35, 15, -98, -6,
    -68, -45, 16, 58, -5, -127, 69, 89, -2, -19, 31, 75, 33, -41, -111, -28,
];
#[rustfmt::skip]
static C1: [Channel; 16] = [
    Channel::new(-20209, 1670865798, -7),
    Channel::new(-47007, 1965587112, -9),
    Channel::new(16336, 1111549322, -6),
    Channel::new(-1999, 1728859642, -7),
    Channel::new(16552, 1233541902, -6),
    Channel::new(1889, 1890032160, -8),
    Channel::new(17997, 1349964510, -7),
    Channel::new(5093, 1981004235, -9),
    Channel::new(21356, 1811996831, -7),
    Channel::new(5873, 1387999794, -5),
    Channel::new(47486, 2041004596, -8),
    Channel::new(-27640, 1338933060, -8),
    Channel::new(-39895, 1903584103, -9),
    Channel::new(-4682, 1390256144, -8),
    Channel::new(-18215, 1139810412, -7),
    Channel::new(-55674, 1850705255, -9),
];

#[rustfmt::skip]
static W2: [i8; 16] = [
    71, -7, -55, 127, 83, -26, -71, 4, -14, -96, -60, 6, -6, -1, -29, -36,
];
#[rustfmt::skip]
static C2: [Channel; 1] = [
    Channel::new(-13807, 1846991413, -6),
];

/// The layers, in the order in which they compute.
#[rustfmt::skip]
#[allow(clippy::approx_constant)] // gains are numbers as any other
pub static LAYERS: [Layer<'static>; 3] = [
    Layer { op: Op::Dense(Linear { weights: Weights::Stored(&W0), channels: &C0, least: -128 }), from: 0, second: 0,
        input: Shape::vector(1), output: Shape::vector(16), values: Affine { scale: 0.01612645, zero: -128 } },
    Layer { op: Op::Dense(Linear { weights: Weights::Stored(&W1), channels: &C1, least: -128 }), from: 1, second: 0,
        input: Shape::vector(16), output: Shape::vector(16), values: Affine { scale: 0.017598659, zero: -128 } },
    Layer { op: Op::Dense(Linear { weights: Weights::Stored(&W2), channels: &C2, least: -128 }), from: 2, second: 0,
        input: Shape::vector(16), output: Shape::vector(1), values: Affine { scale: 0.007895028, zero: -1 } },
];

/// The network.
#[rustfmt::skip]
pub const MODEL: Model<'static> = Model {
    input: Shape::vector(1), values: Affine { scale: 0.02461588, zero: -128 }, layers: &LAYERS,
};

/// Where everything lies: the arena has `PLAN.arena` bytes.
pub static PLAN: Plan<'static, 3> = Plan::new(MODEL);

/// Links the kinds of layers that the network has.
pub enum Layers {}

impl Links for Layers {
    const OPS: Ops = MODEL.uses();
}
