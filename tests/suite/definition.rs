//! What each layer means, in f64 with every index written out, independent of the crate's kernels.
//! Slow on purpose.

use super::recurrent;
use super::token_layers;
use idinit::graph::{Graph, Node, Value};
use idinit::layer::{Layer, Padding};
use idinit::loss::{Loss, Target};
use idinit::plan::Slot;
use idinit::shape::Shape;

/// What a weight is for, which decides what numbers are generic for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Matrix { fan_in: usize },
    Bias,
    Scale,
    RunningMean,
    RunningVariance,
}

pub fn sizes(shape: Shape) -> [usize; 3] {
    [shape.height as usize, shape.width as usize, shape.channels as usize]
}

pub fn count(shape: Shape) -> usize {
    let [h, w, c] = sizes(shape);
    h * w * c
}

/// The weights of a layer, in the order in which they lie.
pub fn parts(node: &Node) -> Vec<(usize, Purpose)> {
    let [_, _, channels] = sizes(node.input);
    match node.layer {
        Layer::Dense(dense) => {
            let (out, inp) = (dense.out as usize, count(node.input));
            let bias = dense.bias.then_some((out, Purpose::Bias));
            [(out * inp, Purpose::Matrix { fan_in: inp })].into_iter().chain(bias).collect()
        }
        Layer::Conv2d(conv) => {
            let out = conv.out as usize;
            let taps = (conv.kernel[0] * conv.kernel[1]) as usize;
            let fan_in = taps * channels / conv.groups as usize;
            let bias = conv.bias.then_some((out, Purpose::Bias));
            [(out * fan_in, Purpose::Matrix { fan_in })].into_iter().chain(bias).collect()
        }
        Layer::BatchNorm(_) => vec![
            (channels, Purpose::Scale),
            (channels, Purpose::Bias),
            (channels, Purpose::RunningMean),
            (channels, Purpose::RunningVariance),
        ],
        Layer::LayerNorm(_) => vec![(channels, Purpose::Scale), (channels, Purpose::Bias)],
        Layer::ScalarBias(_) => vec![(1, Purpose::Bias)],
        Layer::Multiplier(_) => vec![(1, Purpose::Scale)],
        Layer::Rnn(_) | Layer::Gru(_) | Layer::Lstm(_) => recurrent::parts(node),
        _ => token_layers::parts(node),
    }
}

/// How many weights a layer has.
pub fn weight_count(node: &Node) -> usize {
    parts(node).iter().map(|(len, _)| len).sum()
}

/// One example's number at a place of a picture in HWC order.
fn at(x: &[f64], shape: Shape, y: usize, x_: usize, c: usize) -> f64 {
    let [_, width, channels] = sizes(shape);
    x[(y * width + x_) * channels + c]
}

/// The mean and the variance (divided by n) of some numbers.
pub fn moments(numbers: &[f64]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    (mean, numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

/// 2/√π ∫₀ˣ e⁻ᵗ² dt by its Taylor series, which converges everywhere (and is accurate enough in f64
/// for |x| < 4; beyond, it is ±1 to 1e-8).
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// Visits the windows of a picture: calls `f` with (output row, output column, channel, the places
/// of the window's numbers).
fn windows(
    node: &Node,
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
    mut f: impl FnMut(usize, &mut dyn Iterator<Item = (usize, usize)>, usize),
) {
    let [height, width, _] = sizes(node.input);
    let [oh, ow, channels] = sizes(node.output);
    let at = |axis: usize, step: usize, tap: u32, size: usize| {
        let padded = step * stride[axis] as usize + tap as usize;
        padded.checked_sub(padding[axis] as usize).filter(|&pixel| pixel < size)
    };
    for oy in 0..oh {
        for ox in 0..ow {
            for c in 0..channels {
                let mut places = (0..kernel[0]).flat_map(|ky| {
                    (0..kernel[1])
                        .filter_map(move |kx| at(0, oy, ky, height).zip(at(1, ox, kx, width)))
                });
                f((oy * ow + ox) * channels + c, &mut places, c);
            }
        }
    }
}

/// One layer for one example; batch norm is not here, as it looks at the whole batch.
fn example(node: &Node, w: &[f64], x: &[f64], second: &[f64]) -> Vec<f64> {
    let each = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).collect::<Vec<f64>>();
    let [height, width, channels] = sizes(node.input);
    let [oh, ow, oc] = sizes(node.output);
    let mut y = vec![0.0; oh * ow * oc];
    match node.layer {
        Layer::Dense(dense) => {
            let inp = x.len();
            for o in 0..dense.out as usize {
                y[o] = if dense.bias { w[dense.out as usize * inp + o] } else { 0.0 };
                for i in 0..inp {
                    y[o] += w[o * inp + i] * x[i];
                }
            }
        }
        Layer::Conv2d(conv) => {
            let [kh, kw] = conv.kernel.map(|k| k as usize);
            let [sy, sx] = conv.stride.map(|s| s as usize);
            let [py, px] = conv.padding.map(|p| p as usize);
            let (out, groups) = (conv.out as usize, conv.groups as usize);
            let (inp, out_of_group) = (channels / groups, out / groups);
            for oy in 0..oh {
                for ox in 0..ow {
                    for o in 0..out {
                        let mut sum = if conv.bias { w[out * kh * kw * inp + o] } else { 0.0 };
                        for ky in 0..kh {
                            for kx in 0..kw {
                                let (iy, ix) = (oy * sy + ky, ox * sx + kx);
                                if iy < py || ix < px || iy - py >= height || ix - px >= width {
                                    continue;
                                }
                                for c in 0..inp {
                                    let weight = w[((o * kh + ky) * kw + kx) * inp + c];
                                    let from = o / out_of_group * inp + c;
                                    sum += weight * at(x, node.input, iy - py, ix - px, from);
                                }
                            }
                        }
                        y[(oy * ow + ox) * oc + o] = sum;
                    }
                }
            }
        }
        Layer::LayerNorm(norm) => {
            for p in 0..height * width {
                let pixel = &x[p * channels..(p + 1) * channels];
                let (mean, variance) = moments(pixel);
                for c in 0..channels {
                    let n = (pixel[c] - mean) / (variance + f64::from(norm.eps)).sqrt();
                    y[p * channels + c] = w[c] * n + w[channels + c];
                }
            }
        }
        Layer::Relu(_) | Layer::MaskedRelu(_) => y = each(&|x| x.max(0.0)),
        Layer::LeakyRelu(leaky) => {
            y = each(&|x| if x > 0.0 { x } else { f64::from(leaky.slope) * x });
        }
        Layer::Tanh(_) => y = each(&f64::tanh),
        Layer::Sigmoid(_) => y = each(&|x| 1.0 / (1.0 + (-x).exp())),
        Layer::Gelu(_) => {
            y = each(&|x| x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2)));
        }
        Layer::Add(_) => y = x.iter().zip(second).map(|(a, b)| a + b).collect(),
        Layer::ScalarBias(_) => y = each(&|x| x + w[0]),
        Layer::Multiplier(_) => y = each(&|x| x * w[0]),
        Layer::MaxPool(pool) => {
            windows(node, pool.kernel, pool.stride, pool.padding, |to, places, c| {
                y[to] = places
                    .map(|(iy, ix)| at(x, node.input, iy, ix, c))
                    .fold(f64::NEG_INFINITY, f64::max);
            })
        }
        Layer::AveragePool(pool) => {
            windows(node, pool.kernel, pool.stride, [0, 0], |to, places, c| {
                let numbers: Vec<f64> =
                    places.map(|(iy, ix)| at(x, node.input, iy, ix, c)).collect();
                y[to] = moments(&numbers).0;
            })
        }
        Layer::GlobalAveragePool(_) => {
            for (c, y) in y.iter_mut().enumerate() {
                let channel: Vec<f64> = x.iter().skip(c).step_by(channels).copied().collect();
                *y = moments(&channel).0;
            }
        }
        Layer::Shortcut(shortcut) => {
            let before = match shortcut.padding {
                Padding::Behind => 0,
                Padding::Around => (oc - channels) / 2,
            };
            let stride = shortcut.stride as usize;
            for oy in 0..oh {
                for ox in 0..ow {
                    for c in 0..channels {
                        y[(oy * ow + ox) * oc + before + c] =
                            at(x, node.input, oy * stride, ox * stride, c);
                    }
                }
            }
        }
        Layer::Flatten(_) => y = x.to_vec(),
        Layer::Rnn(_) | Layer::Gru(_) | Layer::Lstm(_) => y = recurrent::example(node, w, x),
        _ => y = token_layers::example(node, w, x, second),
    }
    y
}

/// Batch norm over a whole batch, with the batch's statistics or the running ones.
fn batch_norm(node: &Node, eps: f32, w: &[f64], x: &[f64], trained: bool) -> Vec<f64> {
    let channels = node.input.channels as usize;
    let mut y = vec![0.0; x.len()];
    for c in 0..channels {
        let (mean, variance) = match trained {
            true => statistics(x, channels, c),
            false => (w[2 * channels + c], w[3 * channels + c]),
        };
        for p in 0..x.len() / channels {
            let n = (x[p * channels + c] - mean) / (variance + f64::from(eps)).sqrt();
            y[p * channels + c] = w[c] * n + w[channels + c];
        }
    }
    y
}

/// The mean and variance of one channel over a batch.
pub fn statistics(x: &[f64], channels: usize, c: usize) -> (f64, f64) {
    let channel: Vec<f64> = x.iter().skip(c).step_by(channels).copied().collect();
    moments(&channel)
}

/// Which layers compute otherwise in the training of a plan than in inference: trained batch norms by
/// the statistics of the batch, and dropout at all (of the first step, with seed 0).
pub fn in_training<'a>(nodes: &'a [Node], slots: &'a [Slot]) -> impl Fn(usize) -> bool + 'a {
    |k| slots[k].trained.any() || matches!(nodes[k].layer, Layer::Dropout(_))
}

/// All outputs of all layers, each [batch, output]. `in_training` says of each layer whether it
/// computes as in training.
pub fn values<const N: usize>(
    graph: &Graph<N>,
    w: &[f64],
    x: &[f64],
    in_training: &dyn Fn(usize) -> bool,
) -> Vec<Vec<f64>> {
    let batch = x.len() / count(graph.input_shape());
    let mut values: Vec<Vec<f64>> = vec![];
    let mut first = 0;
    for (k, node) in graph.nodes().iter().enumerate() {
        let weights = &w[first..first + weight_count(node)];
        first += weights.len();
        let value = |value: Value| value.node().map_or(x, |node| &values[node]);
        let input = value(node.from);
        let y = match node.layer {
            Layer::BatchNorm(norm) => batch_norm(node, norm.eps, weights, input, in_training(k)),
            Layer::Dropout(dropout) if in_training(k) => token_layers::drop(dropout, k, input),
            _ => {
                let second = node.second.map_or(&[][..], value);
                let one = |all: &[f64], i: usize| {
                    let size = all.len() / batch;
                    all[i * size..][..size].to_vec()
                };
                let one = |i| example(node, weights, &one(input, i), &one(second, i));
                (0..batch).flat_map(one).collect()
            }
        };
        values.push(y);
    }
    assert_eq!(first, w.len(), "the weights that the layers have");
    values
}

/// The loss of a batch of outputs, the mean over its examples.
pub fn loss(loss: Loss, y: &[f64], target: Target<'_>) -> f64 {
    match (loss, target) {
        (Loss::CrossEntropy { smoothing }, Target::Labels(labels)) => {
            let s = f64::from(smoothing);
            let classes = y.len() / labels.len();
            let mut total = 0.0;
            for (i, &label) in labels.iter().enumerate() {
                let y = &y[i * classes..][..classes];
                let sum: f64 = y.iter().map(|y| y.exp()).sum();
                for (class, y) in y.iter().enumerate() {
                    let hit = if class == label as usize { 1.0 - s } else { 0.0 };
                    total -= (hit + s / classes as f64) * (y.exp() / sum).ln();
                }
            }
            total / labels.len() as f64
        }
        (Loss::SquaredError, Target::Values(values)) => {
            let squares = y.iter().zip(values).map(|(y, t)| (y - f64::from(*t)).powi(2));
            squares.sum::<f64>() / y.len() as f64
        }
        other => panic!("no such loss: {other:?}"),
    }
}

/// The loss of a graph for a batch.
pub fn loss_of<const N: usize>(
    graph: &Graph<N>,
    w: &[f64],
    x: &[f64],
    target: Target<'_>,
    in_training: &dyn Fn(usize) -> bool,
) -> f64 {
    let values = values(graph, w, x, in_training);
    loss(graph.loss(), &values[values.len() - 1], target)
}
