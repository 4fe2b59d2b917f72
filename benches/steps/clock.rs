//! How long steps take and what memory they need, measured alike for every program of
//! `benches/peers`: this file is a part of each that is written in Rust.

use std::time::{Duration, Instant};

/// Steps before the clock starts.
const WARM_UP: usize = 3;
/// The fewest steps that are measured, however long they take.
const FEWEST: usize = 3;

/// What was asked for: a network, threads, how long to measure, and how many examples in a step.
pub struct Job {
    pub net: String,
    pub threads: usize,
    pub time: Duration,
    pub batch: Option<usize>,
}

impl Job {
    /// From arguments `NET [THREADS [SECONDS [BATCH]]]`.
    pub fn from_arguments(arguments: &[String]) -> Self {
        let number = |i: usize| arguments.get(i).map(|text| text.parse::<f64>().expect("a number"));
        Self {
            net: arguments.first().cloned().unwrap_or_default(),
            threads: number(1).unwrap_or(1.0) as usize,
            time: Duration::from_secs_f64(number(2).unwrap_or(2.0)),
            batch: number(3).map(|batch| batch as usize),
        }
    }

    /// Takes steps of `batch` examples for the time of the job, and prints what they cost as one
    /// JSON object; `more` is what else belongs there.
    pub fn run(&self, peer: &str, batch: usize, more: &str, mut step: impl FnMut()) {
        self.run_laps(peer, (batch, 1), more, |steps| (0..steps).for_each(|_| step()));
    }

    /// The same where the clock looks at laps of several steps, as they are not waited for one by one; what
    /// is printed is for one step.
    pub fn run_laps(
        &self,
        peer: &str,
        (batch, each): (usize, usize),
        more: &str,
        mut lap: impl FnMut(usize),
    ) {
        lap(WARM_UP);
        let (begin, processor, mut walls) = (Instant::now(), processor_ms(), vec![]);
        while walls.len() < FEWEST || begin.elapsed() < self.time {
            let lap_begin = Instant::now();
            lap(each);
            walls.push(lap_begin.elapsed().as_secs_f64() * 1e3 / each as f64);
        }
        let steps = walls.len() * each;
        let processor = (processor_ms() - processor) / steps as f64;
        walls.sort_by(f64::total_cmp);
        let wall = walls[walls.len() / 2];
        let (per_second, peak) = (batch as f64 / wall * 1e3, peak_mib());
        let Self { net, threads, .. } = self;
        println!(
            "{{\"peer\":\"{peer}\",\"net\":\"{net}\",\"threads\":{threads},\"batch\":{batch},\
             \"steps\":{steps},\"wall_ms\":{wall:.3},\"cpu_ms\":{processor:.3},\
             \"examples_per_s\":{per_second:.1},\"peak_mib\":{peak:.1}{more}}}"
        );
    }
}

/// Processor time of all threads of this process so far; 0 where the system is not Linux.
fn processor_ms() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(|task| of(task.path())).sum::<f64>() / 1e6
}

/// The largest resident size of this process so far; 0 where the system is not Linux.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
