//! Layers in int8, bit for bit as TensorFlow Lite's reference kernels compute them: `golden/int8.py` ran the
//! interpreter, and wrote down what came out.

#![cfg(feature = "std")]

use idinit::int8::convert::interleaved;
use idinit::int8::{
    Affine, Channel, Every, Int8, Layer, Linear, Model, Multiplier, Op, Plan, Softmax, Sum,
    Weights, Window,
};
use idinit::shape::Shape;
use std::collections::HashMap;

/// The lines of a case by their first word.
struct Case<'a> {
    kind: &'a str,
    relu: bool,
    lines: HashMap<&'a str, Vec<i64>>,
}

impl Case<'_> {
    fn list(&self, name: &str) -> &[i64] {
        &self.lines[name]
    }

    fn bytes(&self, name: &str) -> Vec<i8> {
        self.list(name).iter().map(|n| i8::try_from(*n).unwrap()).collect()
    }

    fn values(&self, name: &str) -> Affine {
        let [bits, zero] = self.list(name)[..] else { panic!("{name}") };
        Affine { scale: f32::from_bits(bits as u32), zero: zero as i8 }
    }

    fn window(&self) -> (Window, usize) {
        let all: Vec<u16> = self.list("window").iter().map(|n| *n as u16).collect();
        let [a, b, c, d, e, f, groups] = all[..] else { panic!("a window") };
        (Window { kernel: [a, b], stride: [c, d], padding: [e, f] }, groups.into())
    }

    fn shapes(&self) -> [Shape; 2] {
        let all: Vec<u32> = self.list("shapes").iter().map(|n| *n as u32).collect();
        [Shape::hwc(all[0], all[1], all[2]), Shape::hwc(all[3], all[4], all[5])]
    }

    /// What the layer of the case puts out.
    fn run(&self) -> Vec<i8> {
        let [input, output] = self.shapes();
        let (x, y) = (self.values("x_values"), self.values("y_values"));
        let (mut weights, mut channels) = (vec![], vec![]);
        if self.lines.contains_key("w") {
            (weights, channels) = self.numbers(x, y);
        }
        let least = if self.relu { y.zero } else { i8::MIN };
        let linear = Linear { weights: Weights::Stored(&weights), channels: &channels, least };
        let op = match self.kind {
            "dense" => Op::Dense(linear),
            "conv" => Op::Conv2d(self.window().0, self.window().1 as u16, linear),
            "depthwise" => Op::Depthwise(self.window().0, linear),
            "maxpool" => Op::MaxPool(self.window().0),
            "averagepool" => Op::AveragePool(self.window().0),
            "relu" => Op::Relu(Multiplier::of(f64::from(x.scale) / f64::from(y.scale))),
            "softmax" => Op::Softmax(Softmax::new(x.scale)),
            "add" => return self.sum(x, y, least),
            other => panic!("{other}"),
        };
        let layer = Layer { op, from: 0, second: 0, input, output, values: y };
        run::<1>(Model { input, values: x, layers: &[layer] }, &self.bytes("x"))
    }

    /// The weights in the order in which they are multiplied, and the channels.
    fn numbers(&self, x: Affine, y: Affine) -> (Vec<i8>, Vec<Channel>) {
        let (w, bias, steps) = (self.bytes("w"), self.list("bias"), self.list("steps"));
        let row = w.len() / bias.len();
        let channel = |(o, w): (usize, &[i8])| {
            let sum: i64 = w.iter().map(|w| i64::from(*w)).sum();
            let step = f64::from(f32::from_bits(steps[o] as u32));
            let real = f64::from(x.scale) * step / f64::from(y.scale);
            let bias = bias[o] - i64::from(x.zero) * sum;
            Channel { bias: bias as i32, multiplier: Multiplier::of(real) }
        };
        let channels: Vec<Channel> = w.chunks(row).enumerate().map(channel).collect();
        let ordered = match self.kind {
            "depthwise" => (0..w.len()).map(|i| w[i % bias.len() * row + i / bias.len()]).collect(),
            "dense" => interleaved(&w, row),
            _ => w.chunks(w.len() / self.window().1).flat_map(|w| interleaved(w, row)).collect(),
        };
        (ordered, channels)
    }

    /// A sum: its operands lie side by side in the input, and two layers take them apart.
    fn sum(&self, x: Affine, y: Affine, least: i8) -> Vec<i8> {
        let second = self.values("second_values");
        let (a, b) = (self.bytes("x"), self.bytes("second"));
        let n = a.len() as u32;
        let (both, one) = (Shape::hwc(1, 2, n), Shape::vector(n));
        // of the two pixels, the second: 127 times it, divided by 127
        let behind = [vec![0; a.len()], vec![127; a.len()]].concat();
        let bias = -127 * i32::from(second.zero);
        let channels = vec![Channel { bias, multiplier: Multiplier::of(1.0 / 127.0) }; a.len()];
        let weights = Weights::Stored(&behind);
        let linear = Linear { weights, channels: &channels, least: i8::MIN };
        let window = |width| Window { kernel: [1, width], stride: [1, 2], padding: [0, 0] };
        let sum = Sum { least, ..Sum::new([x.scale, second.scale], y.scale) };
        let layer = |op, from, second, input, values| Layer {
            op,
            from,
            second,
            input,
            output: one,
            values,
        };
        let layers = [
            layer(Op::MaxPool(window(1)), 0, 0, both, x),
            layer(Op::Depthwise(window(2), linear), 0, 0, both, second),
            layer(Op::Add(sum), 1, 2, one, y),
        ];
        run::<3>(Model { input: both, values: x, layers: &layers }, &[a, b].concat())
    }
}

fn run<const N: usize>(model: Model<'_>, x: &[i8]) -> Vec<i8> {
    let plan = Plan::<N>::checked(model).unwrap();
    // nothing that was in the arena before may count
    let mut arena = vec![99; plan.arena];
    let mut engine = Int8::<Every>::new(plan.net(), &mut arena).unwrap();
    engine.input_mut().copy_from_slice(x);
    engine.run();
    engine.output().to_vec()
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(' ').unwrap();
        match (name, cases.last_mut()) {
            ("case", _) => {
                let (kind, relu) = rest.split_once(' ').unwrap();
                cases.push(Case { kind, relu: relu == "1", lines: HashMap::new() });
            }
            (name, Some(case)) => {
                let numbers = rest.split(' ').map(|n| n.parse().unwrap()).collect();
                case.lines.insert(name, numbers);
            }
            (name, None) => panic!("{name} before a case"),
        }
    }
    cases
}

#[test]
fn every_layer_has_the_bits_of_tensorflow_lite() {
    let cases = cases(include_str!("golden/int8.txt"));
    assert_eq!(cases.len(), 166);
    for (number, case) in cases.iter().enumerate() {
        assert_eq!(case.run(), case.bytes("y"), "case {number}, {}", case.kind);
    }
}
