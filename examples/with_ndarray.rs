//! Starts ndarray's arrays from rules: `cargo run --example with_ndarray`.

use idinit::rule::{Dims, EPS, Exact, Fill, LengthError, Order};
use ndarray::{Array2, Array4, array, s};

const ORDER: Order = Order::SpatialMajor;
const IDENTITY: Exact = Exact::Identity { gain: 1.0, order: ORDER };
const BRANCH_END: Exact = Exact::ZeroPreserving { eps: EPS, order: ORDER };

/// The weight of a fully connected layer, `[out, in]`.
fn dense(rule: impl Fill, d: Dims) -> Result<Array2<f32>, LengthError> {
    let mut w = Array2::zeros((d.out() as usize, d.row()));
    rule.fill_f32(d, w.as_slice_mut().expect("zeros are contiguous"))?;
    Ok(w)
}

/// The weight of a convolution in idinit's order, `[out, kh, kw, in]`.
fn conv(rule: impl Fill, d: Dims) -> Result<Array4<f32>, LengthError> {
    let [height, width] = d.kernel();
    let mut w = Array4::zeros([d.out(), height, width, d.inp()].map(|n| n as usize));
    rule.fill_f32(d, w.as_slice_mut().expect("zeros are contiguous"))?;
    Ok(w)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = array![[0.5, -2.0, 3.25, 7.0], [1.0, 0.0, -1.5, 4.0]];

    // three outputs of four inputs: the first three
    let d = Dims::dense(3, 4)?;
    assert_eq!(x.dot(&dense(IDENTITY, d)?.t()), x.slice(s![.., ..3]));

    // the end of a residual branch: no output is 0, and all are nearly
    let y = x.dot(&dense(BRANCH_END, d)?.t());
    assert!(y.iter().all(|y| *y != 0.0 && y.abs() < 1e-4), "{y}");

    // eight outputs of two inputs: both through the first tap, both through the second, and so on
    let w = conv(IDENTITY, Dims::new(8, 2, [3, 3], 1)?)?;
    let expected = |o, tap, c| if (tap, c) == (o / 2, o % 2) { 1.0 } else { 0.0 };
    assert!(w.indexed_iter().all(|((o, y, x, c), w)| *w == expected(o, y * 3 + x, c)));

    // the same in PyTorch's order, [out, in, kh, kw]
    let w = w.permuted_axes([0, 3, 1, 2]).as_standard_layout().into_owned();
    assert_eq!(w.dim(), (8, 2, 3, 3));
    assert!(w.indexed_iter().all(|((o, c, y, x), w)| *w == expected(o, y * 3 + x, c)));

    println!("ndarray: a dense layer and a convolution start as their rules say");
    Ok(())
}
