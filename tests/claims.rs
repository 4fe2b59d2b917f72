//! What the paper claims of IDInit, where a check takes seconds; what takes longer is in
//! `examples/claims.md`. Each test names the number that was expected and the room around it.

#![cfg(feature = "std")]

use idinit::analysis::{Chi, chi, stage_nodes};
use idinit::init::{IdInit, Kaiming, Scheme};
use idinit::rule::{Dims, Fan, Key, Random, Start};
use idinit::shape::Shape;

/// Standard normal numbers.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut x = vec![0.0; count];
    let d = Dims::dense(1, count as u32).unwrap();
    Random::normal(1.0, Key { seed, tensor: 77 }).fill(d, &mut x).unwrap();
    x
}

const fn kaiming(seed: u64) -> Kaiming {
    Kaiming { fan: Fan::In, uniform: false, seed }
}

/// A stage of 16 × 16 × 16 behind a rectifier: 8 inputs, of which about half the numbers are active.
fn stage<const N: usize>(blocks: usize, scheme: &impl Scheme) -> Chi {
    let shape = Shape::hwc(16, 16, 16);
    let x: Vec<f32> = noise(4 * shape.len(), 1).iter().map(|x| x.max(0.0)).collect();
    chi::<N>(shape, blocks, scheme, &x, 4).unwrap()
}

/// C.4, Fig. 12: about 1 from IDInit at any depth, about 2.3 times more with each block from Kaiming.
#[test]
fn gradients_go_back_unchanged_from_idinit_and_grow_from_kaiming() {
    for (name, scheme) in [("paper", IdInit::PAPER), ("diagonal", IdInit::DIAGONAL)] {
        let found = [
            stage::<{ stage_nodes(3) }>(3, &scheme),
            stage::<{ stage_nodes(9) }>(9, &scheme),
            stage::<{ stage_nodes(21) }>(21, &scheme),
        ];
        println!("IDInit {name}: {found:?}");
        for chi in found {
            assert!((chi.active - 1.0).abs() < 0.05, "{name}: {chi:?}");
        }
    }
    let random = [
        stage::<{ stage_nodes(3) }>(3, &kaiming(1)),
        stage::<{ stage_nodes(9) }>(9, &kaiming(1)),
        stage::<{ stage_nodes(21) }>(21, &kaiming(1)),
    ]
    .map(|chi| chi.active);
    println!("Kaiming: {random:?}");
}
