//! Starts burn's layers from rules: `cargo run` in this folder.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};
use idinit::rule::{Dims, EPS, Exact, Fill, LengthError, Order};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const ORDER: Order = Order::SpatialMajor;
const IDENTITY: Exact = Exact::Identity { gain: 1.0, order: ORDER };
const BRANCH_END: Exact = Exact::ZeroPreserving { eps: EPS, order: ORDER };

/// The adaptor: a weight in the order of burn's convolutions `[out, in, kh, kw]`, which is PyTorch's.
fn weight(rule: impl Fill, d: Dims, device: &Device) -> Result<Tensor<4>, LengthError> {
    let mut w = vec![0.0; d.len()];
    rule.fill_f32(d, &mut w)?;
    let [height, width] = d.kernel();
    let shape = [d.out(), height, width, d.inp()].map(|n| n as usize);
    Ok(Tensor::from_data(TensorData::new(w, shape), device).permute([0, 3, 1, 2]))
}

/// A fully connected layer: burn's weight is `[in, out]`.
fn linear(rule: impl Fill, d: Dims, device: &Device) -> Result<Linear> {
    let w = weight(rule, d, device)?.flatten(1, 3).transpose();
    let [inp, out] = w.dims();
    let mut layer = LinearConfig::new(inp, out).with_bias(false).init(device);
    layer.weight = Param::from_tensor(w);
    Ok(layer)
}

/// A convolution that keeps the size of a picture.
fn conv(rule: impl Fill, d: Dims, device: &Device) -> Result<Conv2d> {
    let w = weight(rule, d, device)?;
    let ([out, inp, height, width], groups) = (w.dims(), d.groups() as usize);
    let mut layer = Conv2dConfig::new([inp * groups, out], [height, width])
        .with_groups(groups)
        .with_padding(PaddingConfig2d::Same)
        .with_bias(false)
        .init(device);
    layer.weight = Param::from_tensor(w);
    Ok(layer)
}

/// The end of a residual branch: nearly nothing, but not nothing.
fn is_nearly_nothing<const D: usize>(y: Tensor<D>) -> bool {
    let most = y.abs().max().into_scalar::<f32>();
    0.0 < most && most < 1e-3
}

fn main() -> Result<()> {
    let device = Device::flex();

    // three outputs of four inputs: the first three
    let x = Tensor::<2>::from_data([[0.5_f32, -2.0, 3.25, 7.0], [1.0, 0.0, -1.5, 4.0]], &device);
    let d = Dims::dense(3, 4)?;
    let y = linear(IDENTITY, d, &device)?.forward(x.clone());
    assert_eq!(y.into_data(), x.clone().narrow(1, 0, 3).into_data());
    assert!(is_nearly_nothing(linear(BRANCH_END, d, &device)?.forward(x)));

    // eight outputs of two inputs: both through the first tap, both through the second, and so on
    let pixels: Vec<f32> = (1_u8..51).map(f32::from).collect();
    let x = Tensor::<4>::from_data(TensorData::new(pixels, [1, 2, 5, 5]), &device);
    let around = x.clone().pad((1, 1, 1, 1), 0.0);
    let d = Dims::new(8, 2, [3, 3], 1)?;
    let y = conv(IDENTITY, d, &device)?.forward(x.clone());
    for (tap, y) in y.chunk(4, 1).into_iter().enumerate() {
        let shifted = around.clone().narrow(2, tap / 3, 5).narrow(3, tap % 3, 5);
        assert_eq!(y.into_data(), shifted.into_data());
    }
    assert!(is_nearly_nothing(conv(BRANCH_END, d, &device)?.forward(x)));

    println!("burn: Linear and Conv2d start as their rules say");
    Ok(())
}
