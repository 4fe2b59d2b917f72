//! Whole training steps of networks of `benches/steps` in candle, as one JSON line:
//! `RAYON_NUM_THREADS=THREADS idinit-peer-candle NET THREADS [SECONDS
//! [BATCH]]`, NET being linear5, resnetD or resnetD-bn.

#[path = "../../../steps/clock.rs"]
mod clock;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{
    BatchNorm, Conv2d, Conv2dConfig, Linear, Module, ModuleT, VarBuilder, VarMap, batch_norm,
    conv2d, conv2d_no_bias, linear, loss,
};

/// What a network is made of.
enum Layer {
    Linear(Linear),
    Relu,
    Conv(Conv2d, Option<BatchNorm>),
    Block { branch: [(Conv2d, Option<BatchNorm>); 2], stride: usize, more: usize },
    Mean,
}

impl Layer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Linear(layer) => layer.forward(x),
            Self::Relu => x.relu(),
            Self::Conv(layer, norm) => conv(layer, norm, x),
            Self::Block { branch: [first, second], stride, more } => {
                let y = conv(&first.0, &first.1, x)?.relu()?;
                let y = conv(&second.0, &second.1, &y)?;
                let x = match stride {
                    1 => x.clone(),
                    stride => every_other(x, *stride)?.pad_with_zeros(1, 0, *more)?,
                };
                (y + x)?.relu()
            }
            Self::Mean => x.mean((2, 3)),
        }
    }
}

fn conv(layer: &Conv2d, norm: &Option<BatchNorm>, x: &Tensor) -> Result<Tensor> {
    let y = layer.forward(x)?;
    match norm {
        Some(norm) => norm.forward_t(&y, true),
        None => Ok(y),
    }
}

fn every_other(x: &Tensor, stride: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let (height, width) = (height / stride, width / stride);
    let cells = x.reshape((batch, channels, height, stride, width, stride))?;
    cells.narrow(3, 0, 1)?.narrow(5, 0, 1)?.reshape((batch, channels, height, width))
}

fn linear5(weights: VarBuilder) -> Result<Vec<Layer>> {
    let mut layers = vec![];
    for (i, inp) in [784, 512, 512, 512].into_iter().enumerate() {
        layers.extend([Layer::Linear(linear(inp, 512, weights.pp(i))?), Layer::Relu]);
    }
    layers.push(Layer::Linear(linear(512, 10, weights.pp("head"))?));
    Ok(layers)
}

fn resnet(depth: usize, norm: bool, weights: VarBuilder) -> Result<Vec<Layer>> {
    let new_conv = |inp, out, stride, name: String| {
        let (config, weights) =
            (Conv2dConfig { padding: 1, stride, ..Default::default() }, weights.pp(name));
        Result::Ok(match norm {
            true => (
                conv2d_no_bias(inp, out, 3, config, weights.clone())?,
                Some(batch_norm(out, 1e-5, weights.pp("norm"))?),
            ),
            false => (conv2d(inp, out, 3, config, weights)?, None),
        })
    };
    let (stem, stem_norm) = new_conv(3, 16, 1, "stem".into())?;
    let mut layers = vec![Layer::Conv(stem, stem_norm), Layer::Relu];
    let mut inp = 16;
    for out in [16, 32, 64] {
        for block in 0..(depth - 2) / 6 {
            let stride = out / inp;
            let branch = [
                new_conv(inp, out, stride, format!("{out}.{block}.1"))?,
                new_conv(out, out, 1, format!("{out}.{block}.2"))?,
            ];
            layers.push(Layer::Block { branch, stride, more: out - inp });
            inp = out;
        }
    }
    layers.extend([Layer::Mean, Layer::Linear(linear(64, 10, weights.pp("head"))?)]);
    Ok(layers)
}

/// SGD with momentum and decay in PyTorch's form; candle-nn has none with momentum.
fn descend(weights: &[Var], velocity: &mut [Tensor], loss: &Tensor) -> Result<()> {
    let gradients = loss.backward()?;
    for (weight, velocity) in weights.iter().zip(velocity) {
        let Some(gradient) = gradients.get(weight) else { continue };
        let gradient = (gradient + (weight.as_tensor() * 5e-4)?)?;
        *velocity = ((&*velocity * 0.9)? + gradient)?.detach();
        weight.set(&(weight.as_tensor() - (&*velocity * 0.001)?)?)?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let job = clock::Job::from_arguments(&arguments);
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_default();
    assert_eq!(threads, job.threads.to_string(), "RAYON_NUM_THREADS says something else");
    let (device, map, batch) = (Device::Cpu, VarMap::new(), job.batch.unwrap_or(128));
    let weights = VarBuilder::from_varmap(&map, DType::F32, &device);
    let (net, x) = match job.net.strip_prefix("resnet") {
        None if job.net == "linear5" => {
            (linear5(weights)?, Tensor::rand(0f32, 1f32, (batch, 784), &device)?)
        }
        Some(depth) => {
            let (depth, norm) = match depth.strip_suffix("-bn") {
                Some(depth) => (depth, true),
                None => (depth, false),
            };
            let x = Tensor::rand(-1f32, 1f32, (batch, 3, 32, 32), &device)?;
            (resnet(depth.parse().expect("a depth"), norm, weights)?, x)
        }
        None => {
            eprintln!("candle is not asked for '{}'", job.net);
            std::process::exit(3);
        }
    };
    let labels = Tensor::from_iter((0..batch as u32).map(|i| i % 10), &device)?;
    let weights = map.all_vars();
    let mut velocity: Vec<Tensor> =
        weights.iter().map(|weight| weight.zeros_like()).collect::<Result<_>>()?;
    job.run("candle", batch, "", || {
        let y = net.iter().try_fold(x.clone(), |x, layer| layer.forward(&x)).expect("forward");
        let loss = loss::cross_entropy(&y, &labels).expect("a loss");
        descend(&weights, &mut velocity, &loss).expect("backward");
    });
    Ok(())
}
