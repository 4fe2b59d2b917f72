//! The same steps on a GPU: how far they end from the host engine's, and how long they take. One JSON object a
//! net, after one that says which device it was. Its peak of memory is that of the host, with the host engine's.

use crate::clock::Job;
use crate::{examples, nets};
use idinit::engine::{Cuda, Engine, Host};
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::update::{Chosen, OnGpu, Update};
use std::time::Duration;

/// Steps that both engines take before they are compared.
const COMPARED: usize = 10;

/// Steps whose losses are read together, as `idinit train` does by itself.
const LAP: usize = 16;

/// From arguments `[SECONDS [BATCH [NET…]]]`; a batch of 0 is the net's own.
pub fn run(arguments: &[String]) -> bool {
    let number = |i: usize| arguments.get(i).map(|text| text.parse::<f64>().expect("a number"));
    let (seconds, batch) = (number(0).unwrap_or(2.0), number(1).unwrap_or(0.0) as usize);
    let found = match idinit::gpu::probe().map(|mut all| all.swap_remove(0)) {
        Ok(Ok(found)) => found,
        Ok(Err(absent)) | Err(absent) => {
            eprintln!("{absent}");
            return false;
        }
    };
    let (major, minor) = found.capability;
    println!(
        "{{\"device\":\"{}\",\"capability\":\"{major}.{minor}\",\"memory_mib\":{},\"driver\":{}}}",
        found.name,
        found.memory >> 20,
        found.driver
    );
    let named: Vec<&str> = arguments.iter().skip(2).map(String::as_str).collect();
    let names = if named.is_empty() { nets::NAMES.to_vec() } else { named };
    names.into_iter().all(|name| {
        let Some(setting) = nets::named(name) else {
            eprintln!("no net '{name}'");
            return false;
        };
        let time = Duration::from_secs_f64(seconds);
        let batch = if batch == 0 { setting.batch } else { batch };
        let job = Job { net: name.to_owned(), threads: 1, time, batch: Some(batch) };
        // an engine for the one update, as a program has it whose update is known
        match setting.update {
            Chosen::Momentum(update) => record(&job, &setting, (update, batch), found.ordinal),
            Chosen::AdamW(update) => record(&job, &setting, (update, batch), found.ordinal),
            Chosen::AdaDelta(update) => record(&job, &setting, (update, batch), found.ordinal),
            update => record(&job, &setting, (update, batch), found.ordinal),
        }
        true
    })
}

fn record<U: Update>(
    job: &Job,
    setting: &nets::Setting,
    (update, batch): (U, usize),
    ordinal: usize,
) where
    U::Move: OnGpu,
{
    let plan = Box::new(Plan::new(&setting.graph, Mode::train_with(&update), batch));
    let net = plan.net();
    let (x, labels) = examples(setting, &net, batch);
    let mut host = Host::new(net, update, 1).expect("an engine");
    host.start(&IdInit::PAPER);
    let want = host.within(|engine| ten(engine, (&x, &labels), net.weights()));
    let mut gpu = Cuda::new(net, update, ordinal).expect("an engine on the GPU");
    gpu.start(&IdInit::PAPER).expect("a start");
    let got = ten(&mut gpu, (&x, &labels), net.weights());
    let more = format!(
        ",\"compared_steps\":{COMPARED},\"loss_difference\":{},\"weight_difference\":{}",
        farthest(&got.0, &want.0),
        farthest(&got.1, &want.1)
    );
    job.run_laps("idinit-gpu", (batch, LAP), &more, |steps| {
        for _ in 0..steps {
            gpu.submit(&x, Target::Labels(&labels), 0.001).expect("a step");
        }
        gpu.losses(|_| {}).expect("the losses");
    });
}

/// The losses of ten steps, and the weights after them.
fn ten<E: Engine<Error: std::fmt::Debug>>(
    engine: &mut E,
    (x, labels): (&[f32], &[u32]),
    count: usize,
) -> (Vec<f32>, Vec<f32>) {
    let step = |_| engine.train(x, Target::Labels(labels), 0.001).expect("a step");
    let losses = (0..COMPARED).map(step).collect();
    let mut weights = vec![0.0; count];
    engine.weights(&mut weights).expect("the weights");
    (losses, weights)
}

/// The largest difference, as a share of the largest number, in JSON: null where it is not finite.
fn farthest(got: &[f32], want: &[f32]) -> String {
    // unlike `f32::max`, which leaves NaN out, this lets no wrong number look like a small one
    let greater = |a: f32, b: f32| if b > a || b.is_nan() { b } else { a };
    let largest = want.iter().map(|want| want.abs()).fold(0.0, greater);
    let gap = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, greater);
    let share = gap / largest;
    if share.is_finite() { format!("{share:e}") } else { "null".to_owned() }
}
