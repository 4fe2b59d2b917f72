//! Linear-5 on MNIST (C.1, Table 5): 784-512-512-512-512-10 with tanh and with rectifiers, SGD 0.1 with
//! momentum 0.9 and decay 5e-4, cosine, batches of 128, 30 epochs.
//!
//! `cargo run --release --features std --example linear5 -- DATA [EPOCHS [SEED]]`, where
//! `bash examples/get-data.sh mnist DATA` has put the images. What it said is in `examples/claims.md`.

use idinit::data::idx::{Part, Set, load};
use idinit::engine::Host;
use idinit::graph::Graph;
use idinit::init::Named;
use idinit::model::{Activation, LINEAR_5, mlp};
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::train::{Pictures, Run, Schedule, Settings};
use idinit::update::Momentum;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const fn plan(activation: Activation) -> Plan<9> {
    let graph = mlp(Graph::input(Shape::hwc(28, 28, 1)), &LINEAR_5, activation, 10);
    Plan::new(&graph, Mode::train::<Momentum>(), 128)
}
static TANH: Plan<9> = plan(Activation::Tanh);
static RELU: Plan<9> = plan(Activation::Relu);

/// What the paper compares: Xavier where there is tanh, Kaiming where there are rectifiers.
const RUNS: [(&str, &Plan<9>, &str); 4] = [
    ("tanh", &TANH, "idinit"),
    ("tanh", &TANH, "xavier"),
    ("relu", &RELU, "idinit"),
    ("relu", &RELU, "kaiming"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir = words.next().ok_or("which folder has mnist? see the head of this file")?;
    let epochs = words.next().map_or(Ok(30), |word| word.parse())?;
    let seed = words.next().map_or(Ok(0), |word| word.parse())?;
    let part = |part| {
        let images = load(Path::new(&dir), Set::Mnist, part)?;
        Ok::<_, Box<dyn Error>>(Pictures { images, normal: Set::Mnist.normal() })
    };
    let (train, test) = (part(Part::Train)?, part(Part::Test)?);
    let schedule = Schedule::Cosine;
    let settings = Settings { epochs, rate: 0.1, schedule, seed, ..Settings::default() };
    for (activation, plan, name) in RUNS {
        let scheme = Named::parse(name, seed).ok_or(format!("there is no scheme {name}"))?;
        let update = Momentum { momentum: 0.9, decay: 5e-4, nesterov: false };
        let mut engine = Host::new(plan.net(), update, 2)?;
        engine.start(&scheme);
        let mut run = Run::new(&plan.net(), settings, &train, &test)?;
        let begin = Instant::now();
        while let Some(epoch) = run.epoch(&mut engine, |_| {})? {
            if [1, epochs].contains(&epoch.number) {
                let seconds = begin.elapsed().as_secs_f64();
                println!(
                    "{activation} {name}, epoch {}: loss {:.4}, {:.2} %, {seconds:.0} s",
                    epoch.number,
                    epoch.train_loss,
                    100.0 * epoch.test.accuracy(),
                );
            }
        }
    }
    Ok(())
}
