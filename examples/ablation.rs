//! The ablation of §4.3 without batch norm, on a scale of minutes: ResNet-20 with zero-padded shortcuts
//! on CIFAR-10 at 16 × 16, 10,000 images to learn from and 5,000 held back, SGD 0.1 with momentum 0.9
//! and decay 5e-4, cosine, batches of 128, 12 epochs.
//!
//! `cargo run --release --features std --example ablation -- DATA [SEED [SCHEME ...]]`, where
//! `bash examples/get-data.sh cifar10 DATA` has put the images. It prints the accuracy of every epoch,
//! and at the end a table. What it said is in `examples/claims.md`.

use idinit::data::{Images, cifar10, idx::Part};
use idinit::engine::Host;
use idinit::graph::Graph;
use idinit::init::Named;
use idinit::model::{CifarResNet, Norm, cifar_resnet, cifar_resnet_nodes};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::train::{Pictures, Run, Schedule, Settings};
use idinit::update::Momentum;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const NET: CifarResNet = CifarResNet { norm: Norm::None, ..CifarResNet::DEPTH_20 };
const NODES: usize = cifar_resnet_nodes(NET);
const GRAPH: Graph<NODES> = cifar_resnet(Graph::input(Shape::hwc(16, 16, 3)), NET);
static PLAN: Plan<NODES> = Plan::new(&GRAPH, Mode::train::<Momentum>(), 128);

/// The four cases, and what they are compared with.
const SCHEMES: [&str; 6] =
    ["ablation-none", "ablation-idizc", "ablation-idic", "idinit", "idinit-diagonal", "kaiming"];

/// The first `count` images, halved.
fn halved(mut images: Images, count: usize) -> Option<Images> {
    let image = images.height as usize * images.width as usize * images.channels as usize;
    images.pixels.truncate(count * image);
    images.labels.truncate(count);
    images.halved()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir = words.next().ok_or("which folder has cifar10? see the head of this file")?;
    let seed = words.next().map_or(Ok(0), |word| word.parse())?;
    let mut schemes: Vec<String> = words.collect();
    if schemes.is_empty() {
        schemes = SCHEMES.map(String::from).to_vec();
    }
    let part = |part, count| {
        let images = cifar10::load(Path::new(&dir), part)?;
        Ok::<_, Box<dyn Error>>(Pictures {
            images: halved(images, count).ok_or("sides of images are odd")?,
            normal: cifar10::NORMAL,
        })
    };
    let (train, test) = (part(Part::Train, 10_000)?, part(Part::Test, 5_000)?);
    let schedule = Schedule::Cosine;
    let settings = Settings { epochs: 12, rate: 0.1, schedule, seed, ..Settings::default() };
    let mut table = vec![];
    for name in schemes {
        let scheme = Named::parse(&name, seed).ok_or(format!("there is no scheme {name}"))?;
        let update = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };
        let mut engine = Host::new(PLAN.net(), update, 2)?;
        engine.start(&scheme);
        let mut run = Run::new(&PLAN.net(), settings, &train, &test)?;
        let begin = Instant::now();
        let mut last = String::from("nothing");
        loop {
            match run.epoch(&mut engine, |_| {}) {
                Ok(Some(epoch)) => {
                    let (loss, percent) = (epoch.train_loss, 100.0 * epoch.test.accuracy());
                    println!("{name} {}: loss {loss:.4}, {percent:.1} %", epoch.number);
                    last = format!("{percent:.1} %");
                }
                Ok(None) => break,
                Err(stop) => {
                    println!("{name}: {stop}");
                    last = format!("{last}, then {stop}");
                    break;
                }
            }
        }
        table.push(format!("{name:20} {last} ({:.0} s)", begin.elapsed().as_secs_f64()));
    }
    println!("\nseed {seed}\n{}", table.join("\n"));
    Ok(())
}
