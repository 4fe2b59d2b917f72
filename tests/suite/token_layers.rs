//! What the layers of texts, transformers and squeeze-and-excitation mean, in f64 with every index
//! written out, independent of the crate's kernels. Slow on purpose.

use super::definition::{Purpose, count, sizes};
use idinit::graph::{Graph, Node};
use idinit::layer::{Dropout, Layer};

/// How many tokens the input of a graph is made of, if it is made of tokens: those of its embedding; 3
/// where it only says what is padding.
pub fn alphabet<const N: usize>(graph: &Graph<N>) -> Option<u64> {
    let counts = graph.nodes().iter().filter_map(|node| match (node.layer, node.second) {
        (Layer::Embedding(embedding), _) if node.from.node().is_none() => Some(embedding.count),
        (Layer::Attention(_), Some(tokens)) if tokens.node().is_none() => Some(3),
        _ => None,
    });
    counts.min().map(u64::from)
}

/// The weights of a layer, in the order in which they lie.
pub fn parts(node: &Node) -> Vec<(usize, Purpose)> {
    let [height, width, channels] = sizes(node.input);
    // rows of about 1, as a sum of three numbers would be
    let table = |len| vec![(len, Purpose::Matrix { fan_in: 3 })];
    match node.layer {
        Layer::Embedding(embedding) => table((embedding.count * embedding.width) as usize),
        Layer::Positions(_) => table(height * width * channels),
        Layer::ClassToken(_) => table(channels),
        Layer::RmsNorm(_) => vec![(channels, Purpose::Scale)],
        _ => vec![],
    }
}

/// One layer for one example.
pub fn example(node: &Node, w: &[f64], x: &[f64], second: &[f64]) -> Vec<f64> {
    let [height, width, channels] = sizes(node.input);
    let pixels = height * width;
    let mut y = vec![0.0; count(node.output)];
    match node.layer {
        Layer::Embedding(embedding) => {
            let width = embedding.width as usize;
            for p in 0..pixels {
                for c in 0..width {
                    let token = x[p] as usize;
                    y[p * width + c] = match embedding.padding && token == 0 {
                        true => 0.0,
                        false => w[token * width + c],
                    };
                }
            }
        }
        Layer::Positions(_) => {
            for i in 0..pixels * channels {
                y[i] = x[i] + w[i];
            }
        }
        Layer::ClassToken(_) => {
            y[..channels].copy_from_slice(w);
            y[channels..].copy_from_slice(x);
        }
        Layer::Select(select) => {
            for (c, y) in y.iter_mut().enumerate() {
                *y = x[select.pixel as usize * channels + c];
            }
        }
        Layer::Concat(_) => {
            let more = second.len() / pixels;
            for p in 0..pixels {
                for c in 0..channels + more {
                    y[p * (channels + more) + c] = match c < channels {
                        true => x[p * channels + c],
                        false => second[p * more + c - channels],
                    };
                }
            }
        }
        Layer::ChannelScale(_) => {
            for p in 0..pixels {
                for c in 0..channels {
                    y[p * channels + c] = x[p * channels + c] * second[c];
                }
            }
        }
        Layer::RmsNorm(norm) => {
            for p in 0..pixels {
                let pixel = &x[p * channels..(p + 1) * channels];
                let square = pixel.iter().map(|x| x * x).sum::<f64>() / channels as f64;
                for c in 0..channels {
                    y[p * channels + c] = w[c] * pixel[c] / (square + f64::from(norm.eps)).sqrt();
                }
            }
        }
        Layer::Attention(attention) => {
            let (d, heads) = (channels / 3, attention.heads as usize);
            let width = d / heads;
            for h in 0..heads {
                for t in 0..pixels {
                    let q = |c: usize| x[t * 3 * d + h * width + c];
                    let k = |j: usize, c: usize| x[j * 3 * d + d + h * width + c];
                    let v = |j: usize, c: usize| x[j * 3 * d + 2 * d + h * width + c];
                    let seen = |j: &usize| {
                        (!attention.causal || *j <= t) && (second.is_empty() || second[*j] != 0.0)
                    };
                    let e = |j: usize| {
                        let dot: f64 = (0..width).map(|c| q(c) * k(j, c)).sum();
                        (dot / (width as f64).sqrt()).exp()
                    };
                    let sum: f64 = (0..pixels).filter(seen).map(e).sum();
                    for j in (0..pixels).filter(seen) {
                        for c in 0..width {
                            y[t * d + h * width + c] += e(j) / sum * v(j, c);
                        }
                    }
                }
            }
        }
        Layer::Dropout(_) => y = x.to_vec(),
        other => panic!("the definition does not know {other:?}"),
    }
    y
}

/// Dropout over a whole batch, in the first step of a run of seed 0.
pub fn drop(dropout: Dropout, layer: usize, x: &[f64]) -> Vec<f64> {
    let lost = (65_536.0 * f64::from(dropout.probability)).round();
    let keep = |i: usize| f64::from(lot([0, 0], 0, layer, i)) >= lost;
    let scale = 65_536.0 / (65_536.0 - lost);
    x.iter().enumerate().map(|(i, x)| if keep(i) { x * scale } else { 0.0 }).collect()
}

/// The 16 bits that decide on number `i` of a layer: half of a word of Philox 4 × 32-10.
pub fn lot(seed: [u32; 2], step: u64, layer: usize, i: usize) -> u16 {
    let stream = 0xD809_0000 + layer as u32;
    let mut words = [(i / 8) as u32, step as u32, (step >> 32) as u32, stream];
    for round in 0..10_u32 {
        let key = [
            seed[0].wrapping_add(round.wrapping_mul(0x9E37_79B9)),
            seed[1].wrapping_add(round.wrapping_mul(0xBB67_AE85)),
        ];
        let a = u64::from(words[0]) * 0xD251_1F53;
        let b = u64::from(words[2]) * 0xCD9E_8D57;
        let high = |product: u64| (product >> 32) as u32;
        words = [high(b) ^ words[1] ^ key[0], b as u32, high(a) ^ words[3] ^ key[1], a as u32];
    }
    (words[i % 8 / 2] >> (16 * (i % 2))) as u16
}
