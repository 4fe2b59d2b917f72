//! Starts candle's layers from rules: `cargo run` in this folder.

use candle_core::{Device, Tensor, Var};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module};
use idinit::rule::{Dims, EPS, Exact, Fill, Order};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ORDER: Order = Order::SpatialMajor;
const IDENTITY: Exact = Exact::Identity { gain: 1.0, order: ORDER };
const BRANCH_END: Exact = Exact::ZeroPreserving { eps: EPS, order: ORDER };

/// The adaptor: a weight in candle's order `[out, in, kh, kw]`, which is PyTorch's.
fn weight(rule: impl Fill, d: Dims, device: &Device) -> Result<Tensor> {
    let mut w = vec![0.0; d.len()];
    rule.fill_f32(d, &mut w)?;
    let [height, width] = d.kernel();
    let shape = [d.out(), height, width, d.inp()].map(|n| n as usize);
    Ok(Tensor::from_vec(w, &shape, device)?.permute((0, 3, 1, 2))?)
}

/// A fully connected layer: candle's weight is `[out, in]`. The variable is what an optimiser takes.
fn linear(rule: impl Fill, d: Dims, device: &Device) -> Result<(Var, Linear)> {
    let w = Var::from_tensor(&weight(rule, d, device)?.flatten_from(1)?)?;
    Ok((w.clone(), Linear::new(w.as_tensor().clone(), None)))
}

/// A convolution by an odd square kernel, which keeps the size of a picture.
fn conv(rule: impl Fill, d: Dims, device: &Device) -> Result<(Var, Conv2d)> {
    let w = Var::from_tensor(&weight(rule, d, device)?)?;
    let (padding, groups) = (d.kernel()[0] as usize / 2, d.groups() as usize);
    let config = Conv2dConfig { padding, groups, ..Conv2dConfig::default() };
    Ok((w.clone(), Conv2d::new(w.as_tensor().clone(), None, config)))
}

/// The end of a residual branch: nearly nothing, but not nothing.
fn is_nearly_nothing(y: &Tensor) -> Result<bool> {
    let most = y.abs()?.max_all()?.to_scalar::<f32>()?;
    Ok(0.0 < most && most < 1e-3)
}

fn main() -> Result<()> {
    let device = Device::Cpu;

    // three outputs of four inputs: the first three
    let x = Tensor::new(&[[0.5_f32, -2.0, 3.25, 7.0], [1.0, 0.0, -1.5, 4.0]], &device)?;
    let d = Dims::dense(3, 4)?;
    let (w, layer) = linear(IDENTITY, d, &device)?;
    let y = layer.forward(&x)?;
    assert_eq!(y.to_vec2::<f32>()?, x.narrow(1, 0, 3)?.to_vec2::<f32>()?);
    assert!(y.sum_all()?.backward()?.get(&w).is_some(), "no gradient reaches the weight");
    assert!(is_nearly_nothing(&linear(BRANCH_END, d, &device)?.1.forward(&x)?)?);

    // eight outputs of two inputs: both through the first tap, both through the second, and so on
    let x = Tensor::arange(1_f32, 51.0, &device)?.reshape((1, 2, 5, 5))?;
    let around = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
    let d = Dims::new(8, 2, [3, 3], 1)?;
    let y = conv(IDENTITY, d, &device)?.1.forward(&x)?;
    for (tap, y) in y.chunk(4, 1)?.iter().enumerate() {
        let shifted = around.narrow(2, tap / 3, 5)?.narrow(3, tap % 3, 5)?;
        assert_eq!(y.squeeze(0)?.to_vec3::<f32>()?, shifted.squeeze(0)?.to_vec3::<f32>()?);
    }
    assert!(is_nearly_nothing(&conv(BRANCH_END, d, &device)?.1.forward(&x)?)?);

    println!("candle: Linear and Conv2d start as their rules say");
    Ok(())
}
