//! Statistics of batch norms on the GPU, which are taken in one pass, of numbers far from 0.

use super::cases::{ROOM, hwc};
use super::cuda::device;
use super::runner::Chance;
use idinit::engine::{Cuda, Engine};
use idinit::layer::{BatchNorm, Layer};
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::update::Sgd;

#[test]
fn variances_do_not_suffer_from_a_large_mean() {
    let Some(device) = device() else { return };
    // the running statistics are then those of the batch; its 768 rows are several slices
    let norm = Layer::BatchNorm(BatchNorm { eps: 1e-5, momentum: 1.0 });
    let (channels, batch) = (3, 3);
    let graph = hwc(16, 16, channels as u32).then(norm).global_average_pool().dense(2);
    let graph = graph.squared_error().finish().unwrap();
    let plan = Plan::<ROOM>::new(&graph, Mode::train::<Sgd>(), batch);
    let mut cuda = Cuda::new(plan.net(), Sgd::default(), device.ordinal).unwrap();
    let mut w = vec![1.0; plan.net().weights()];
    cuda.restore(&w, &[], 0).unwrap();
    let mut chance = Chance(5);
    let x: Vec<f32> =
        (0..batch * 256 * channels).map(|_| 1000.0 + chance.within(-1.0, 1.0)).collect();
    cuda.train(&x, Target::Values(&vec![0.0; 2 * batch]), 0.0).unwrap();
    cuda.weights(&mut w).unwrap();
    for c in 0..channels {
        let all: Vec<f64> = x.iter().skip(c).step_by(channels).map(|&x| f64::from(x)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let squares: f64 = all.iter().map(|x| (x - mean) * (x - mean)).sum();
        let variance = squares / (all.len() - 1) as f64;
        let (got_mean, got) = (w[2 * channels + c], w[3 * channels + c]);
        // a mean is good to some of its own roundings, which are 6e-5; a variance feels their square. The mean
        // of squares less the square of the mean would be off by 1e6 roundings of 6e-8
        assert!((f64::from(got_mean) - mean).abs() < 1e-3, "{got_mean}, not {mean}");
        assert!((f64::from(got) / variance - 1.0).abs() < 1e-3, "{got}, not {variance}");
    }
}
