//! Whole training steps of networks of `benches/steps` in burn on its CPU backend `flex`, as one JSON
//! line: `RAYON_NUM_THREADS=THREADS idinit-peer-burn NET THREADS [SECONDS
//! [BATCH]]`, NET being linear5, resnetD or resnetD-bn.

#[path = "../../../steps/clock.rs"]
mod clock;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};

#[derive(Module, Debug)]
struct Linear5 {
    hidden: Vec<Linear>,
    head: Linear,
}

impl Linear5 {
    fn new(device: &Device) -> Self {
        let hidden = [784, 512, 512, 512];
        let hidden = hidden.map(|inp| LinearConfig::new(inp, 512).init(device)).into();
        Self { hidden, head: LinearConfig::new(512, 10).init(device) }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.head.forward(self.hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

#[derive(Module, Debug)]
struct Conv {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl Conv {
    fn new(inp: usize, out: usize, stride: usize, norm: bool, device: &Device) -> Self {
        let conv = Conv2dConfig::new([inp, out], [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(!norm);
        let norm = norm.then(|| BatchNormConfig::new(out).init(device));
        Self { conv: conv.init(device), norm }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.conv.forward(x);
        match &self.norm {
            Some(norm) => norm.forward(y),
            None => y,
        }
    }
}

#[derive(Module, Debug)]
struct ResNet {
    stem: Conv,
    blocks: Vec<[Conv; 2]>,
    head: Linear,
}

impl ResNet {
    fn new(depth: usize, norm: bool, device: &Device) -> Self {
        let (mut blocks, mut inp) = (vec![], 16);
        for out in [16, 32, 64] {
            for _ in 0..(depth - 2) / 6 {
                let first = Conv::new(inp, out, out / inp, norm, device);
                blocks.push([first, Conv::new(out, out, 1, norm, device)]);
                inp = out;
            }
        }
        let stem = Conv::new(3, 16, 1, norm, device);
        Self { stem, blocks, head: LinearConfig::new(64, 10).init(device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = relu(self.stem.forward(x));
        for [first, second] in &self.blocks {
            let y = second.forward(relu(first.forward(x.clone())));
            let [batch, out, height, width] = y.dims();
            let [_, inp, from, _] = x.dims();
            if from != height {
                // every other pixel, and zeros for the new channels
                let cells = x.reshape([batch, inp, height, 2, width, 2]);
                let kept = cells.slice([0..batch, 0..inp, 0..height, 0..1, 0..width, 0..1]);
                let zeros = Tensor::zeros([batch, out - inp, height, width], &y.device());
                x = Tensor::cat(vec![kept.reshape([batch, inp, height, width]), zeros], 1);
            }
            x = relu(y + x);
        }
        let [batch, channels, ..] = x.dims();
        self.head.forward(x.reshape([batch, channels, 64]).mean_dim(2).reshape([batch, channels]))
    }
}

/// Measures steps of a network.
fn steps<M: Module, const D: usize>(
    job: &clock::Job,
    mut net: M,
    x: Tensor<D>,
    forward: impl Fn(&M, Tensor<D>) -> Tensor<2>,
) {
    let (batch, device) = (x.dims()[0], x.device());
    let labels: Vec<i64> = (0..batch as i64).map(|i| i % 10).collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut update = SgdConfig::new()
        .with_momentum(Some(momentum))
        .with_weight_decay(Some(WeightDecayConfig::new(5e-4)))
        .init();
    let mut kept = Some(net.clone());
    job.run("burn", batch, "", || {
        net = kept.take().expect("a net");
        let gradients = loss.forward(forward(&net, x.clone()), labels.clone()).backward();
        let gradients = GradientsParams::from_grads(gradients, &net);
        kept = Some(update.step(0.001, net.clone(), gradients));
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let job = clock::Job::from_arguments(&arguments);
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_default();
    assert_eq!(threads, job.threads.to_string(), "RAYON_NUM_THREADS says something else");
    let (device, batch) = (Device::flex().autodiff(), job.batch.unwrap_or(128));
    let uniform = Distribution::Uniform(-1.0, 1.0);
    match job.net.strip_prefix("resnet") {
        None if job.net == "linear5" => {
            let x = Tensor::random([batch, 784], uniform, &device);
            steps(&job, Linear5::new(&device), x, Linear5::forward);
        }
        Some(depth) => {
            let (depth, norm) = match depth.strip_suffix("-bn") {
                Some(depth) => (depth, true),
                None => (depth, false),
            };
            let x = Tensor::random([batch, 3, 32, 32], uniform, &device);
            let net = ResNet::new(depth.parse().expect("a depth"), norm, &device);
            steps(&job, net, x, ResNet::forward);
        }
        None => {
            eprintln!("burn is not asked for '{}'", job.net);
            std::process::exit(3);
        }
    }
}
