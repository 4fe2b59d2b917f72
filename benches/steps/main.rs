//! Whole training steps on the host engine: processor time, wall time and memory.
//!
//! ```text
//! cargo bench --bench steps --features cli -- [NET [THREADS [SECONDS [BATCH]]]]
//! cargo bench --bench steps --features cli -- growth [FOLDER [SECONDS [ROUNDS]]]
//! cargo bench --bench steps --features cli,cuda -- gpu [SECONDS [BATCH [NET…]]]
//! ```
//!
//! Without arguments, every net on one thread for two seconds. What a step costs is one JSON object
//! a line; `benches/peers/run.sh` sets it beside other libraries, and `benches/peers/gpu.sh` on a GPU.

mod clock;
#[cfg(feature = "cuda")]
mod gpu;
mod growth;
mod nets;

use clock::Job;
use idinit::engine::{Engine, Host, scratch};
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::plan::{Mode, Net, Plan};
use idinit::update::{Chosen, Update};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let done = match arguments.first().map(String::as_str) {
        None => nets::NAMES.iter().all(|name| net(&[name.to_string()])),
        Some("growth") => growth::run(&arguments[1..]),
        #[cfg(feature = "cuda")]
        Some("gpu") => gpu::run(&arguments[1..]),
        Some(_) => net(&arguments),
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn net(arguments: &[String]) -> bool {
    let job = Job::from_arguments(arguments);
    let Some(setting) = nets::named(&job.net) else {
        eprintln!(
            "no net '{}'; there are: {}, resnetD, resnetD-bn",
            job.net,
            nets::NAMES.join(", ")
        );
        return false;
    };
    // an engine for the one update, as a program has it whose update is known
    match setting.update {
        Chosen::Momentum(update) => steps(&job, &setting, update),
        Chosen::AdamW(update) => steps(&job, &setting, update),
        Chosen::AdaDelta(update) => steps(&job, &setting, update),
        update => steps(&job, &setting, update),
    }
    true
}

fn steps<U: Update>(job: &Job, setting: &nets::Setting, update: U) {
    let batch = job.batch.unwrap_or(setting.batch);
    let plan = Box::new(Plan::new(&setting.graph, Mode::train_with(&update), batch));
    let net = plan.net();
    let (x, labels) = examples(setting, &net, batch);
    let planned = net.weights() + net.state() + net.arena() + scratch(&net);
    let mut engine = Host::new(net, update, job.threads).expect("an engine");
    engine.start(&IdInit::PAPER);
    let more = format!(",\"planned_mib\":{:.1}", planned as f64 * 4.0 / f64::from(1 << 20));
    engine.within(|engine| {
        job.run("idinit", batch, &more, || {
            engine.train(&x, Target::Labels(&labels), 0.001).expect("a step");
        });
    });
}

/// Inputs of a batch, and the classes they are of.
fn examples(setting: &nets::Setting, net: &Net<'_>, batch: usize) -> (Vec<f32>, Vec<u32>) {
    let inputs = numbers(batch * net.input().len());
    let x = match setting.vocabulary {
        0 => inputs.map(|i| i as f32 / 32768.0 - 1.0).collect(),
        vocabulary => inputs.map(|i| (i % vocabulary) as f32).collect(),
    };
    let rows = batch * net.output().pixels();
    (x, numbers(rows).map(|i| i % setting.classes).collect())
}

/// Numbers below 2¹⁶, the same on every run.
fn numbers(count: usize) -> impl Iterator<Item = u32> {
    (0..count as u32)
        .map(|i| i.wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(40_503) >> 16)
}
