//! What the environment says, read once: `CUDA_ON_CPU_MODE`, `CUDA_ON_CPU_ORDER` …

use std::path::PathBuf;
use std::sync::OnceLock;

pub struct Settings {
    pub mode: Mode,
    /// Of threads: forward, reversed, shuffled.
    pub order: u32,
    pub seed: u64,
    pub races: bool,
    pub trace: bool,
    pub devices: i32,
    /// Bytes of each device.
    pub memory: usize,
    pub cache: Option<PathBuf>,
    pub compiler: Option<String>,
    pub fail: Option<Planned>,
    /// Seconds that a rank waits for the others.
    pub timeout: u64,
}

/// When streams advance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At once.
    Eager,
    /// Only when something waits for them.
    Lazy,
    /// As lazy, but for copies from the host, which are done as soon as no event holds them back.
    Hasty,
}

/// `launch:3`: the third launch fails.
pub struct Planned {
    pub what: String,
    pub which: u64,
}

pub fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(read)
}

fn text(name: &str) -> Option<String> {
    std::env::var(format!("CUDA_ON_CPU_{name}")).ok().filter(|text| !text.is_empty())
}

/// A number, or a loud end: a typing error must not become a default.
fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match text(name) {
        None => otherwise,
        Some(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("CUDA_ON_CPU_{name}={text} is not a number in its range")),
    }
}

fn read() -> Settings {
    let mode = match text("MODE").as_deref() {
        None | Some("eager") => Mode::Eager,
        Some("lazy") => Mode::Lazy,
        Some("hasty") => Mode::Hasty,
        Some(mode) => panic!("CUDA_ON_CPU_MODE={mode} is none of eager, lazy, hasty"),
    };
    let order = number("ORDER", 0);
    assert!(order < 3, "CUDA_ON_CPU_ORDER={order} is none of 0, 1, 2");
    let fail = text("FAIL").map(|text| {
        let planned = text.split_once(':').and_then(|(what, which)| {
            let known = ["launch", "gemm", "alloc", "pin", "collective"].contains(&what);
            Some(Planned { what: what.to_owned(), which: which.parse().ok()? }).filter(|_| known)
        });
        planned.unwrap_or_else(|| panic!("CUDA_ON_CPU_FAIL={text} is not like launch:3"))
    });
    Settings {
        mode,
        order,
        seed: number("SEED", 1),
        races: number::<u32>("RACES", 1) != 0,
        trace: text("TRACE").is_some_and(|trace| trace != "0"),
        devices: number("DEVICES", 1),
        memory: number("MEMORY", 8 << 30),
        cache: text("CACHE").map(PathBuf::from),
        compiler: text("CXX"),
        fail,
        timeout: number("TIMEOUT", 60).max(1),
    }
}

/// Whether the environment wants this one, the `count`-th, to fail.
pub fn planned_failure(what: &str, count: u64) -> bool {
    settings().fail.as_ref().is_some_and(|fail| fail.what == what && fail.which == count)
}
