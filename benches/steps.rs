//! Steps of the paper's networks on the host engine: processor time and wall time of each.
//!
//! `cargo bench --bench steps -- NET THREADS STEPS`; without arguments, every net on one thread.

use idinit::engine::{Engine, Host};
use idinit::graph::{Graph, Role};
use idinit::init::IdInit;
use idinit::layer::{Conv2d, Layer};
use idinit::loss::Target;
use idinit::model;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::Momentum;
use std::time::Instant;

fn resnet20(norm: bool) -> Graph<256> {
    let conv = |g: Graph<256>, out, stride| {
        let g = g.then(Layer::Conv2d(Conv2d {
            stride: [stride; 2],
            bias: !norm,
            ..Conv2d::same(out, 3)
        }));
        g
    };
    let bn = |g: Graph<256>| if norm { g.batch_norm() } else { g };
    let mut g = bn(conv(Graph::input(Shape::hwc(32, 32, 3)), 16, 1)).relu();
    let mut inp = 16;
    for out in [16, 32, 64] {
        for _ in 0..3 {
            let stride = if inp == out { 1 } else { 2 };
            let from = g.here();
            let skip = if stride == 2 {
                g = g.shortcut(out, 2);
                let s = g.here();
                g = g.at(from);
                s
            } else {
                from
            };
            g = bn(conv(g, out, stride)).relu();
            g = bn(conv(g, out, 1)).add(skip).relu();
            inp = out;
        }
    }
    g.global_average_pool().dense(10).role(Role::Head).cross_entropy(0.0)
}

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn run(name: &str, threads: usize, steps: usize) {
    let (graph, batch) = match name {
        "linear5" => (
            model::mlp(
                Graph::<256>::input(Shape::vector(784)),
                &[512; 4],
                model::Activation::Relu,
                10,
            ),
            128,
        ),
        "resnet20-bn" => (resnet20(true), 128),
        "resnet20" => (resnet20(false), 128),
        _ => panic!("no net {name}"),
    };
    let plan = Box::new(Plan::new(&graph, Mode::train::<Momentum>(), batch));
    let update = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };
    let mut engine = Host::new(plan.net(), update, threads).unwrap();
    engine.start(&IdInit::PAPER);
    let x: Vec<f32> = (0..batch * graph.input_shape().len())
        .map(|i| ((i * 2654435761) % 1000) as f32 / 500.0 - 1.0)
        .collect();
    let labels: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
    for _ in 0..3 {
        engine.train(&x, Target::Labels(&labels), 0.001).unwrap();
    }
    let (c, mut walls) = (cpu(), vec![]);
    for _ in 0..steps {
        let t = Instant::now();
        engine.train(&x, Target::Labels(&labels), 0.001).unwrap();
        walls.push(t.elapsed().as_secs_f64() * 1e3);
    }
    let cpu = (cpu() - c) * 1e3 / steps as f64;
    walls.sort_by(f64::total_cmp);
    println!(
        "{name} {threads} thread(s): cpu {cpu:.1} ms, wall median {:.1} min {:.1}",
        walls[steps / 2],
        walls[0]
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let get = |i: usize, d: usize| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(d);
    let names = ["linear5", "resnet20", "resnet20-bn"];
    for name in names {
        if args.first().is_none_or(|a| a == name || a == "all") {
            run(name, get(1, 1), get(2, 10));
        }
    }
}
