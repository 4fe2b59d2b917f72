//! How much memory a run takes, and how much there is: asked before it starts.

use crate::failure::Failure;
use idinit::engine;
use idinit::plan::Net;
use std::fs;

/// Bytes that one start takes while it is trained.
pub fn need(net: &Net<'_>, kept: bool) -> u64 {
    let example = net.input().len() + 2 * net.output().len();
    // what flows, the state, the weights, batches read ahead, and room to compute in
    let numbers = net.weights() + net.state() + net.arena() + 4 * net.batch() * example;
    let numbers = numbers + engine::scratch(net);
    // the weights at the end, or a copy of all for a checkpoint
    let copies = net.weights() + if kept { net.kept() } else { 0 };
    4 * (numbers + copies) as u64
}

/// Bytes that are free, where the system tells.
pub fn free() -> Option<u64> {
    let number = |file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let all = fs::read_to_string("/proc/meminfo").ok()?;
    let line = all.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let system = 1024 * line.split_whitespace().next()?.parse::<u64>().ok()?;
    let limit = number("/sys/fs/cgroup/memory.max");
    let used = number("/sys/fs/cgroup/memory.current");
    let group = limit.zip(used).map(|(limit, used)| limit.saturating_sub(used));
    Some(group.map_or(system, |group| group.min(system)))
}

/// How many starts can be trained at once in so much memory.
pub fn at_once(each: u64, wanted: usize, free: Option<u64>) -> Result<usize, Failure> {
    let Some(free) = free else { return Ok(wanted) };
    match usize::try_from(free / each.max(1)).unwrap_or(wanted).min(wanted) {
        0 => Err(Failure::failed(format!(
            "this network takes {} of memory to train, and {} are free: try a smaller --batch \
             (with --accumulate) or a smaller network",
            show(each),
            show(free)
        ))),
        count => Ok(count),
    }
}

/// Bytes for people.
pub fn show(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{} KiB", bytes >> 10),
        10_000_000..10_000_000_000 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

/// Reads `900000`, `64KiB`, `512MiB` or `4GiB`.
pub fn parse(text: &str) -> Result<u64, &'static str> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];
    let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let bytes =
        unit.and_then(|(number, shift)| number.trim().parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.ok_or("not bytes, such as 900000, 512MiB or 4GiB")
}
