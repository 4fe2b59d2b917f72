//! Real tasks for a device that learns: exercises that a watch sees on a new wearer, and new spoken words. A
//! network is trained here, on other people, and then learns on by the code of the device and to its bits.
//!
//! `cargo run --release --features std,device --example device_tasks -- DATA [--quick] [--seed N] [--write DIR]`, where
//! `bash examples/get-data.sh watch spoken DATA` has put the windows. With `--write`, the networks that were
//! trained for subject 3 and for new words are written as deltas from their starts, which `idinit device push` gives to
//! boards that run `gestures` and `words`, and the words that such a board is given. What it said is in `examples/device_tasks.md`.

mod adapt;
mod backbone;
mod data;
#[allow(dead_code)] // some of it is for the boards only
#[path = "../../boards/common/src/gestures.rs"]
mod gestures;
#[allow(dead_code)] // as above
#[path = "../../boards/common/src/nets.rs"]
mod nets;
#[allow(dead_code)] // as above
#[path = "../../boards/common/src/words.rs"]
mod words;

use adapt::{How, Tried, What, attempt, delta};
use backbone::Begin;
use data::{DRAWS, FIRST_NEW, SHOTS, Words};
use gestures::{KEPT, SETTINGS, STEPS};
use idinit::device::learn::Settings;
use idinit::graph::Graph;
use idinit::recipe::{Fingerprint, Kind};
use nets::{Gestures, Spoken};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The subject, from 0, whose network a board is given.
const WRITTEN: usize = 2;

/// The layers that adapters are beside, all that have weights.
const ADAPTED: [&str; 5] = ["stem", "branch", "end", "wide", "head"];
const GESTURES_WIDE: Graph<26> = Gestures::GRAPH.adapted(2, &ADAPTED);
const SPOKEN_WIDE: Graph<26> = Spoken::GRAPH.adapted(2, &ADAPTED);

/// A way to learn on the device.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// From the trained network, or from the start.
    trained: bool,
    what: What,
    rate: f32,
    steps: u32,
}

const WAYS: [Way; 5] = [
    Way {
        name: "everything",
        trained: true,
        what: What::Everything,
        rate: SETTINGS.rate,
        steps: STEPS,
    },
    Way { name: "last layer", trained: true, what: What::Last, rate: 0.005, steps: STEPS },
    Way { name: "biases", trained: true, what: What::Vectors, rate: 0.02, steps: STEPS },
    Way { name: "adapters", trained: true, what: What::Adapters, rate: 0.01, steps: STEPS },
    Way { name: "untrained", trained: false, what: What::Everything, rate: 0.01, steps: 50 },
];

/// As boards have it that learn words.
const _: () = assert!(words::SETTINGS.rate == WAYS[1].rate && words::STEPS == WAYS[1].steps);
const _: () =
    assert!(SHOTS * nets::CLASSES == words::KEPT && data::WORDS as usize == nets::CLASSES);

impl Way {
    fn how(&self, kept: usize) -> How {
        How { settings: Settings { rate: self.rate, ..SETTINGS }, kept, steps: self.steps }
    }
}

type Said<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What comes of each job, done by as many threads as there are processors.
fn all<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> Said<R> + Sync) -> Said<Vec<R>> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = vec![];
        while let Some((k, job)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|k| Some((k, jobs.get(k)?)))
        {
            done.push((k, work(job)?));
        }
        Said::Ok(done)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        let mut done = vec![];
        for thread in threads {
            done.extend(thread.join().map_err(|_| "a thread panicked")??);
        }
        Said::Ok(done)
    })?;
    done.sort_by_key(|(k, _)| *k);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn share(right: impl IntoIterator<Item = bool>) -> f64 {
    let right: Vec<bool> = right.into_iter().collect();
    100.0 * right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64
}

fn mean(shares: &[f64]) -> f64 {
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

/// How many weights learn, and in how many bytes.
fn costs(tried: &[Tried]) -> String {
    let most = |bytes: fn(&Tried) -> usize| tried.iter().map(bytes).max().unwrap_or(0);
    let (trained, plan) = (most(|t| t.trained), most(|t| t.plan));
    let (exact, bf16) = (most(|t| t.kept[0]), most(|t| t.kept[1]));
    let setbacks: u32 = tried.iter().map(|t| t.adapted.setbacks).sum();
    format!(
        "{trained} weights learn in {plan} bytes, keep {exact} or {bf16} in bf16; {setbacks} setbacks"
    )
}

/// The exercises, for each of these subjects as one whom nobody has seen.
fn watch(
    data: &Path,
    held: &[usize],
    (epochs, seed): (usize, u64),
    write: Option<&Path>,
) -> Said<()> {
    let subjects = data::watch(data)?;
    let jobs: Vec<_> = Begin::ALL.iter().flat_map(|b| held.iter().map(move |k| (*b, *k))).collect();
    let tried = all(&jobs, |&(begin, held)| {
        let start = begin.weights(&Gestures::GRAPH, seed)?;
        let windows = data::others(&subjects, held);
        let trained = backbone::train(&Gestures::GRAPH, &start, &windows, (epochs, seed))?;
        if let Some(folder) = write.filter(|_| begin == Begin::IdInit && held == WRITTEN) {
            put(folder, "backbone", (&start, &trained))?;
        }
        let parts = subjects[held].split_at(KEPT);
        let graphs = (&Gestures::GRAPH, &GESTURES_WIDE);
        let from = |way: &Way| if way.trained { &trained } else { &start };
        let ways = WAYS.iter().map(|way| {
            attempt::<_, _, { Gestures::CLASSES }>(
                graphs,
                way.what,
                from(way),
                parts,
                way.how(KEPT),
            )
        });
        ways.collect::<Said<Vec<_>>>()
    })?;
    for (begin, tried) in Begin::ALL.iter().zip(tried.chunks(held.len())) {
        println!(
            "\nwatch, {begin:?}, {epochs} epochs; {KEPT} labels of a new wearer; % right of the rest"
        );
        for (k, way) in WAYS.iter().enumerate() {
            let tried: Vec<Tried> = tried.iter().map(|ways| ways[k].clone()).collect();
            let before: Vec<f64> = tried.iter().map(|t| share(t.adapted.before.clone())).collect();
            let after: Vec<f64> = tried.iter().map(|t| share(t.adapted.after.clone())).collect();
            println!(
                "  {:11} {:5.1} -> {:5.1}; {}",
                way.name,
                mean(&before),
                mean(&after),
                costs(&tried)
            );
            let each = before.iter().zip(&after).map(|(b, a)| format!("{b:.0}>{a:.0}"));
            println!("              {}", each.collect::<Vec<_>>().join(" "));
        }
    }
    Ok(())
}

/// Writes a network as what differs from its start, and says what it is.
fn put(folder: &Path, name: &str, (start, trained): (&[f32], &[f32])) -> Said<()> {
    fs::create_dir_all(folder)?;
    for (kind, name) in
        [(Kind::Exact, format!("{name}.delta")), (Kind::Bf16, format!("{name}-bf16.delta"))]
    {
        let bytes = delta(start, trained, kind)?;
        fs::write(folder.join(&name), &bytes)?;
        println!("{}: {} bytes", folder.join(&name).display(), bytes.len());
    }
    println!("start {}, trained {}", Fingerprint::of(start), Fingerprint::of(trained));
    Ok(())
}

/// The words 0 to 7 are trained here, and 8 and 9 are new to the device.
fn spoken(
    data: &Path,
    draws: usize,
    (epochs, seed): (usize, u64),
    write: Option<&Path>,
) -> Said<()> {
    let Words { known, given, asked } = data::words(data)?;
    let known: Vec<_> = known.iter().collect();
    let tried = all(&Begin::ALL, |begin| {
        let start = begin.weights(&Spoken::GRAPH, seed)?;
        let trained = backbone::train(&Spoken::GRAPH, &start, &known, (epochs, seed))?;
        if let Some(folder) = write.filter(|_| *begin == Begin::IdInit) {
            put(folder, "words", (&start, &trained))?;
            data::write(&folder.join("words.csv"), &given[0])?;
        }
        let graphs = (&Spoken::GRAPH, &SPOKEN_WIDE);
        let from = |way: &Way| if way.trained { &trained } else { &start };
        let ways = WAYS.iter().map(|way| {
            let draws = given.iter().take(draws).map(|labelled| {
                let how = way.how(words::KEPT);
                attempt::<_, _, { nets::CLASSES }>(
                    graphs,
                    way.what,
                    from(way),
                    (labelled, &asked),
                    how,
                )
            });
            draws.collect::<Said<Vec<_>>>()
        });
        ways.collect::<Said<Vec<_>>>()
    })?;
    for (begin, tried) in Begin::ALL.iter().zip(&tried) {
        println!(
            "\nspoken, {begin:?}, {epochs} epochs of 0 to 7; {SHOTS} labels of each digit; % right of the others, \
             of 0 to 7, of 8 and 9"
        );
        for (way, tried) in WAYS.iter().zip(tried) {
            let part = |after: bool, new: Option<bool>| {
                let shares: Vec<f64> = tried
                    .iter()
                    .map(|t| {
                        let right = if after { &t.adapted.after } else { &t.adapted.before };
                        let both = asked.iter().zip(right);
                        share(
                            both.filter(|(w, _)| new.is_none_or(|new| new == (w.0 >= FIRST_NEW)))
                                .map(|(_, right)| *right),
                        )
                    })
                    .collect();
                mean(&shares)
            };
            let three = |after| {
                [None, Some(false), Some(true)]
                    .map(|new| format!("{:5.1}", part(after, new)))
                    .join(" ")
            };
            println!("  {:11} {} -> {}; {}", way.name, three(false), three(true), costs(tried));
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut data, mut write, mut quick, mut seed) = (None, None, false, 1);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match &*word {
            "--quick" => quick = true,
            "--write" => write = Some(PathBuf::from(words.next().ok_or("--write wants a folder")?)),
            "--seed" => seed = words.next().ok_or("--seed wants a number")?.parse()?,
            _ => data = Some(PathBuf::from(word)),
        }
    }
    let data = data.ok_or("which folder has watch and spoken? see the head of this file")?;
    let begun = Instant::now();
    let everyone: Vec<usize> = (0..data::SUBJECTS).collect();
    let (held, draws, epochs) = if quick {
        (&everyone[WRITTEN..][..1], 1, [2, 1])
    } else {
        (&everyone[..], DRAWS, [20, 10])
    };
    let done = watch(&data, held, (epochs[0], seed), write.as_deref())
        .and_then(|()| spoken(&data, draws, (epochs[1], seed), write.as_deref()));
    done.map_err(|error| error as Box<dyn Error>)?;
    println!("\n{:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
