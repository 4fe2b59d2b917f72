//! The networks by name: as many parameters as are published, as many layers as are announced, and
//! a plan for each.

use idinit::graph::Graph;
use idinit::layer::Padding;
use idinit::model::{self, *};
use idinit::shape::Shape;

const CIFAR: Shape = Shape::hwc(32, 32, 3);
const IMAGENET: Shape = Shape::hwc(224, 224, 3);

#[test]
fn scratch() {
    let t = std::time::Instant::now();
    let net = CifarResNet { blocks: 18, ..CifarResNet::DEPTH_20 };
    let g = model::cifar_resnet(Graph::<1024>::draft(CIFAR), net).finish().unwrap();
    println!("resnet110 {:?} {} {}", t.elapsed(), g.nodes().len(), g.parameters());
    assert_eq!(g.nodes().len(), model::cifar_resnet_nodes(net));
    let t = std::time::Instant::now();
    let g = model::gpt(Graph::<1280>::draft(Shape::hwc(1, 128, 1)), Gpt::LAYERS_96).finish().unwrap();
    println!("gpt96 {:?} {} {}", t.elapsed(), g.nodes().len(), g.parameters());
    let t = std::time::Instant::now();
    let p = idinit::plan::Plan::checked(&g, idinit::plan::Mode::train::<idinit::update::Momentum>(), 1).unwrap();
    println!("plan {:?} {}", t.elapsed(), p.weights);
    println!("{} {}", size_of_val(&g), size_of_val(&p));
}

#[test]
fn large() {
    std::thread::Builder::new().stack_size(256<<20).spawn(|| {
    let t = std::time::Instant::now();
    let net = CifarResNet { blocks: 200, ..CifarResNet::DEPTH_20 };
    let g = model::cifar_resnet(Graph::<5000>::draft(CIFAR), net).finish().unwrap();
    println!("resnet1202 {:?} {} {}", t.elapsed(), g.nodes().len(), g.parameters());
    let t = std::time::Instant::now();
    let p = idinit::plan::Plan::checked(&g, idinit::plan::Mode::train::<idinit::update::Momentum>(), 1).unwrap();
    println!("plan {:?} {}", t.elapsed(), p.weights);
    println!("{} {}", size_of_val(&g), size_of_val(&p));
    }).unwrap().join().unwrap();
}
