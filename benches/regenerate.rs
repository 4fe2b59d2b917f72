//! All initial weights of ResNet-50, 102 MB, into memory: beside a memset of the same bytes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use idinit::init::{Initial, Named};
use idinit::recipe::{Digest, Fingerprint, Recipe, zoo};
use std::hint::black_box;

fn regenerate(c: &mut Criterion) {
    let line = "idinit/1 resnet50 idinit";
    let (_, network) = zoo::network(&Recipe::<64>::parse(line).unwrap()).unwrap();
    let nodes = network.model.nodes();
    let initial =
        |scheme| -> Initial<'_, Named> { Initial::new(nodes, Named::parse(scheme, 1).unwrap()) };
    let mut weights = vec![1.0_f32; initial("idinit").len()];
    let mut group = c.benchmark_group("ResNet-50");
    group.throughput(Throughput::Bytes(4 * weights.len() as u64)).sample_size(20);
    group.bench_function("memset", |b| b.iter(|| black_box(&mut weights).fill(0.0)));
    for scheme in ["idinit", "idinit-channel", "zero", "torch", "kaiming"] {
        let initial = initial(scheme);
        group.bench_function(scheme, |b| {
            b.iter(|| black_box(&initial).fill_window(0, black_box(&mut weights)))
        });
    }
    group.bench_function("fingerprint", |b| b.iter(|| Fingerprint::of(black_box(&weights))));
    let initial = initial("idinit");
    group.bench_function("fingerprint without memory", |b| {
        let mut page = [0.0; 4096];
        b.iter(|| {
            let mut digest = Digest::new();
            for start in (0..initial.len()).step_by(page.len()) {
                let window = page.len().min(initial.len() - start);
                let window = &mut page[..window];
                initial.fill_window(start, window)?;
                digest.update(window);
            }
            Ok::<_, idinit::rule::LengthError>(digest.finish())
        })
    });
}

criterion_group!(benches, regenerate);
criterion_main!(benches);
