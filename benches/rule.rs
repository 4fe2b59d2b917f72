//! What a start costs: an identity against a memset of the same bytes, draws by the block, and a
//! single weight of every rule.

use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use idinit::rule::{Dims, EPS, Exact, Fill, Key, Order, Orthogonal, Random, Rule, Start};
use std::hint::black_box;

const KEY: Key = Key { seed: 1, tensor: 2 };
const SPATIAL: Order = Order::SpatialMajor;
const CHANNEL: Order = Order::ChannelMajor;
const DIAGONAL: Order = Order::Diagonal;

const RULES: [(&str, Rule); 15] = [
    ("zero", Rule::Exact(Exact::Zero)),
    ("constant", Rule::Exact(Exact::Constant { value: 1.0 })),
    ("identity", Rule::Exact(Exact::Identity { gain: 1.0, order: SPATIAL })),
    ("identity_channel", Rule::Exact(Exact::Identity { gain: 1.0, order: CHANNEL })),
    ("identity_diagonal", Rule::Exact(Exact::Identity { gain: 1.0, order: DIAGONAL })),
    ("zero_preserving", Rule::Exact(Exact::ZeroPreserving { eps: EPS, order: SPATIAL })),
    ("zero_preserving_channel", Rule::Exact(Exact::ZeroPreserving { eps: EPS, order: CHANNEL })),
    ("zero_preserving_diagonal", Rule::Exact(Exact::ZeroPreserving { eps: EPS, order: DIAGONAL })),
    ("dirac", Rule::Exact(Exact::Dirac { gain: 1.0 })),
    ("dirac_zero", Rule::Exact(Exact::DiracZero { eps: EPS })),
    ("hadamard", Rule::Exact(Exact::Hadamard { gain: 1.0 })),
    ("uniform", Rule::Random(Random::Uniform { bound: 1.0, key: KEY })),
    ("normal", Rule::Random(Random::Normal { std: 1.0, key: KEY })),
    ("truncated", Rule::Random(Random::TruncatedNormal { std: 1.0, key: KEY })),
    ("loose", Rule::Random(Random::Loose { gain: 1.0, order: SPATIAL, std: 1e-6, key: KEY })),
];

fn fill(b: &mut Bencher<'_>, rule: impl Start, d: Dims, w: &mut [f32]) {
    b.iter(|| black_box(rule).fill(black_box(d), black_box(&mut *w)));
}

fn large(c: &mut Criterion) {
    let d = Dims::dense(4096, 4096).unwrap();
    let mut w = vec![1.0_f32; d.len()];
    let mut group = c.benchmark_group("fill 4096 x 4096");
    group.throughput(Throughput::Bytes(4 * d.len() as u64)).sample_size(20);
    group.bench_function("memset", |b| b.iter(|| black_box(&mut w).fill(0.0)));
    for (name, rule) in RULES {
        if let Rule::Exact(rule) = rule {
            group.bench_function(name, |b| fill(b, rule, d, &mut w));
        }
    }
}

fn small(c: &mut Criterion) {
    let d = Dims::new(64, 16, [3, 3], 1).unwrap();
    let mut w = vec![1.0_f32; d.len()];
    let mut group = c.benchmark_group("fill 64 x 3 x 3 x 16");
    group.throughput(Throughput::Elements(d.len() as u64));
    group.bench_function("memset", |b| b.iter(|| black_box(&mut w).fill(0.0)));
    for (name, rule) in RULES {
        group.bench_function(name, |b| fill(b, rule, d, &mut w));
    }
    group.sample_size(10).bench_function("orthogonal", |b| {
        b.iter(|| Orthogonal { gain: 1.0, key: KEY }.fill_f32(d, black_box(&mut w)))
    });
}

/// A thousand indices without order: reading them in turn must not be what is timed.
fn at(c: &mut Criterion) {
    let d = Dims::new(512, 128, [3, 3], 1).unwrap();
    let key = Key { seed: 9, tensor: 9 };
    let place = Random::Uniform { bound: 0.5, key };
    let places: Vec<usize> =
        (0..1000).map(|i| ((place.at(d, i) + 0.5) * d.len() as f32) as usize).collect();
    let mut group = c.benchmark_group("at");
    group.throughput(Throughput::Elements(1000));
    for (name, rule) in RULES {
        group.bench_function(name, |b| {
            b.iter(|| {
                let (rule, d) = black_box((rule, d));
                places.iter().map(|&i| rule.at(d, i)).sum::<f32>()
            })
        });
    }
}

criterion_group!(benches, large, small, at);
criterion_main!(benches);
