//! Trains a residual network on the embedded digits, from weights that nobody shipped:
//! `cargo run --release --example train_digits`.
//!
//! Nothing here needs an operating system but the printing: the same lines run on a microcontroller.

use idinit::data::digits;
use idinit::engine::{Engine, Error, Memory, Portable};
use idinit::graph::Graph;
use idinit::init::IdInit;
use idinit::layer::{LayerSet, Uses};
use idinit::loss::Target;
use idinit::model::{residual, residual_nodes};
use idinit::plan::{Mode, Plan};
use idinit::recipe::Fingerprint;
use idinit::shape::Shape;
use idinit::update::Momentum;

const NET: Graph<{ residual_nodes(2) }> = residual(Graph::input(Shape::hwc(8, 8, 1)), 8, 2, 10);
static PLAN: Plan<{ residual_nodes(2) }> = Plan::new(&NET, Mode::train::<Momentum>(), 1);

const EPOCHS: u32 = 5;

enum Mine {}
impl Uses for Mine {
    const SET: LayerSet = NET.uses();
}

fn main() -> Result<(), Error> {
    let mut weights = [0.0; PLAN.weights];
    let mut velocity = [0.0; PLAN.state];
    let mut arena = [0.0; PLAN.arena];
    let memory = Memory { weights: &mut weights, state: &mut velocity, arena: &mut arena };
    let update = Momentum { momentum: 0.9, ..Momentum::default() };
    let mut engine = Portable::<Mine, _>::new(PLAN.net(), update, memory)?;
    engine.start(&IdInit::PAPER);

    let mut image = [0.0; 64];
    for epoch in 1..=EPOCHS {
        let rate = 0.01 * (EPOCHS + 1 - epoch) as f32 / EPOCHS as f32;
        let mut sum = 0.0;
        for k in 0..digits::TRAIN {
            let label = digits::image(digits::train(k), &mut image).unwrap_or_default();
            sum += engine.train(&image, Target::Labels(&[label]), rate)?;
        }
        println!("epoch {epoch}: loss {:.4}", sum / digits::TRAIN as f32);
    }
    let mut right = 0;
    for k in 0..digits::TEST {
        let mut scores = [0.0; 10];
        let label = digits::image(digits::test(k), &mut image);
        engine.infer(&image, &mut scores)?;
        let best = (0..10).max_by(|&a, &b| f32::total_cmp(&scores[a], &scores[b]));
        right += usize::from(best == label.map(|label| label as usize));
    }
    println!("{right} of {} test images are told right", digits::TEST);
    println!(
        "the weights' fingerprint, on every machine: {}",
        Fingerprint::of(engine.all_weights())
    );
    Ok(())
}
