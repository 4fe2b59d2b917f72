//! What a step of the networks that GPUs are for asks of one, as the engine counts it. It needs no GPU.

use idinit::engine::Cuda;
use idinit::gpu::Precision;
use idinit::graph::Graph;
use idinit::model::{self, CifarResNet, Gpt, Norm, ResNet, Vit};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::{Chosen, Momentum};

/// Prints what a step asks for, and returns its bytes by those that it needs at least.
fn share<const N: usize>(name: &str, graph: Graph<N>, batch: usize) -> f64 {
    let update = Chosen::Momentum(Momentum { momentum: 0.9, decay: 5e-4, nesterov: false });
    let (graph, precision) = (graph.finish().unwrap(), Precision::F32);
    let plan = Plan::<N>::new(&graph, Mode::train_with(&update), batch);
    let counts = Cuda::count(plan.net(), update, precision).unwrap();
    let apart = Cuda::count_unfused(plan.net(), update, precision).unwrap();
    assert!(apart.kernels() > counts.kernels() && apart.bytes() > counts.bytes(), "{name}");
    let share =
        counts.bytes() as f64 / Cuda::<Chosen>::least_bytes(&plan.net(), &update, precision) as f64;
    let (kernels, products, copies) = (counts.kernels(), counts.products(), counts.copies());
    println!(
        "{name}, {batch} examples: {kernels} kernels, {products} products, {copies} copies, {share:.2}"
    );
    for (name, calls, bytes) in counts.by_name().into_iter().take(16) {
        println!("  {name:<25} {calls:>4} {:>9.1} MiB", bytes as f64 / f64::from(1 << 20));
    }
    share
}

#[test]
fn residual_networks_move_few_more_bytes_than_they_must() {
    let picture = |size| Graph::input(Shape::hwc(size, size, 3));
    const ROOM: usize = model::resnet_nodes(ResNet::DEPTH_50);
    let deep = model::resnet::<ROOM>(picture(224), ResNet::DEPTH_50);
    let cifar = |norm| {
        model::cifar_resnet::<80>(
            Graph::input(Shape::hwc(32, 32, 3)),
            CifarResNet { norm, ..CifarResNet::DEPTH_20 },
        )
    };
    let shares = [
        share("ResNet-50", deep, 64),
        share("ResNet-20 with batch norms", cifar(Norm::Batch), 128),
        share("ResNet-20", cifar(Norm::None), 128),
    ];
    assert!(shares.iter().all(|share| *share <= 1.5), "{shares:?}");
}

#[test]
fn transformers_move_few_more_bytes_than_they_must() {
    let vit = model::vit::<200>(Graph::input(Shape::hwc(32, 32, 3)), Vit::CIFAR);
    let gpt = model::gpt::<200>(Graph::input(Shape::hwc(1, 256, 1)), Gpt::LAYERS_8);
    let shares = [share("ViT", vit, 128), share("GPT", gpt, 128)];
    assert!(shares.iter().all(|share| *share <= 1.5), "{shares:?}");
}
