//! A run that is stopped at any moment goes on to the bits of a run that was not: the real command is
//! killed, its files are damaged, and its disk is full.

#![cfg(all(feature = "cli", unix))]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const RUN: &str = "train residual --blocks 2 --width 4 --epochs 24 --scheme idinit,kaiming --update adamw \
    --augment crop,mixup --smoothing 0.1 --warm-up 20 --accumulate 2 --log-steps 30 --checkpoint 7";

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idinit"));
    command.current_dir(folder).args(arguments.split_whitespace()).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

fn good(folder: &Path, arguments: &str) {
    let output = run(folder, arguments);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{arguments}");
}

/// The line on stderr of a run that fails.
fn bad(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments}: {err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    err
}

fn start(folder: &Path, arguments: &str) -> Child {
    let mut command = command(folder, arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn weights(run: &Path) -> [Vec<u8>; 2] {
    ["idinit", "kaiming"].map(|name| fs::read(run.join(format!("weights-{name}.bin"))).unwrap())
}

/// The events of the log without times, which differ, and in an order of their own, as starts take
/// turns as they like.
fn log(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("log.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    let line = |line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let times = ["seconds", "examples_per_second"];
        times.iter().for_each(|time| drop(event.as_object_mut().unwrap().remove(*time)));
        event.to_string()
    };
    let mut lines: Vec<_> = text.lines().map(line).collect();
    lines.sort();
    lines
}

/// The numbers of the epochs in a log.
fn epochs(run: &Path) -> Vec<u64> {
    let text = fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let events = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let epochs = events.filter(|event| event["event"] == "epoch");
    epochs.map(|event| event["epoch"].as_u64().unwrap()).collect()
}

#[test]
fn a_killed_run_leaves_the_epochs_that_it_has_measured() {
    for checkpoint in ["", "--checkpoint 1000"] {
        let folder = scratch();
        let settings = "train mlp --epochs 3000 --scheme idinit --out run";
        let run = folder.path().join("run");
        let mut child = start(folder.path(), &format!("{settings} {checkpoint}"));
        let begin = Instant::now();
        while epochs(&run).len() < 5 {
            assert!(begin.elapsed() < Duration::from_secs(60), "no epochs in the log");
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = epochs(&run).len() as u64;
        let mut next = start(folder.path(), "train --resume run");
        while epochs(&run).len() as u64 <= left + 2 {
            assert!(begin.elapsed() < Duration::from_secs(120), "the log does not go on");
            sleep(Duration::from_millis(1));
        }
        next.kill().unwrap();
        next.wait().unwrap();
        let epochs = epochs(&run);
        assert!(epochs.iter().copied().eq(1..=epochs.len() as u64), "{epochs:?}");
    }
}

/// Waits until there is something.
fn wait_for(file: &Path) {
    let begin = Instant::now();
    while !file.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} never came", file.display());
        sleep(Duration::from_millis(1));
    }
}

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Moments from a generator, so that every run of the test takes others in the run's life.
fn moments(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 33
    })
}

#[test]
fn a_run_killed_at_random_moments_ends_with_the_bits_of_an_unbroken_one() {
    for engine in ["host", "portable"] {
        let folder = scratch();
        let settings = format!("{RUN} --engine {engine}");
        let begin = Instant::now();
        good(folder.path(), &format!("{settings} --out whole"));
        let whole = begin.elapsed().as_millis() as u64;
        let broken = folder.path().join("broken");
        let mut child = start(folder.path(), &format!("{settings} --out broken"));
        wait_for(&broken.join("config.toml"));
        let (mut kills, mut moments) = (0, moments(u64::from(std::process::id())));
        for _ in 0..8 {
            sleep(Duration::from_millis(moments.next().unwrap() % (whole / 4 + 1)));
            if child.try_wait().unwrap().is_none() {
                kills += 1;
            }
            let _ = child.kill();
            child.wait().unwrap();
            child = start(folder.path(), "train --resume broken --threads 1");
        }
        assert!(kills >= 2, "the run was too short to be killed");
        assert!(child.wait().unwrap().success());
        let unbroken = folder.path().join("whole");
        assert!(weights(&broken) == weights(&unbroken), "{engine}: other weights");
        assert_eq!(log(&broken), log(&unbroken), "{engine}");
    }
}

#[test]
fn a_finished_run_is_resumed_to_the_same_files() {
    let folder = scratch();
    good(folder.path(), "train mlp --epochs 2 --first 400 --checkpoint 50 --out run");
    let run = folder.path().join("run");
    let before = weights(&run);
    fs::remove_file(run.join("weights-idinit.bin")).unwrap();
    good(folder.path(), "train --resume run");
    assert!(weights(&run) == before);
}

#[test]
fn a_damaged_or_foreign_checkpoint_is_one_line_and_stays_as_it_is() {
    let folder = scratch();
    good(folder.path(), "train mlp --epochs 1 --checkpoint 20 --scheme idinit --out run");
    let file = folder.path().join("run/checkpoint-idinit.bin");
    let sound = fs::read(&file).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 4;
    let cases: [(&[u8], &str); 4] = [
        (&flipped, "the checkpoint is damaged"),
        (&sound[..sound.len() - 9], "bytes that should have"),
        (b"something else", "this is no checkpoint"),
        (b"", "this is no checkpoint"),
    ];
    for (bytes, words) in cases {
        fs::write(&file, bytes).unwrap();
        let err = bad(folder.path(), "train --resume run");
        assert!(err.starts_with("error: run/checkpoint-idinit.bin: "), "{err}");
        assert!(err.contains(words), "{err}");
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
    fs::write(&file, &sound).unwrap();
    let err = bad(folder.path(), "train --resume run --rate 0.01");
    assert!(err.contains("of a run with other settings"), "{err}");
    assert_eq!(fs::read(&file).unwrap(), sound);
    good(folder.path(), "train --resume run");
    let err = bad(folder.path(), "train --resume nowhere");
    assert!(err.contains("nowhere/config.toml: No such file"), "{err}");
}

#[test]
fn a_run_does_not_go_on_over_other_data() {
    let folder = scratch();
    let here = |name: &str| folder.path().join(name);
    let text = "call me ishmael, some years ago, never mind how long. ".repeat(20);
    fs::write(here("text"), &text).unwrap();
    let gpt =
        "train gpt --text text --layers 1 --width 8 --heads 1 --context 8 --batch 4 --epochs 1";
    good(folder.path(), &format!("{gpt} --warm-up 0 --scheme idinit --checkpoint 50 --out run"));
    let other = text.replace("ishmael", "ishmail");
    fs::write(here("text"), &other).unwrap();
    let err = bad(folder.path(), "train --resume run");
    assert!(err.starts_with("error: run/checkpoint-idinit.bin: "), "{err}");
    assert!(err.contains("on other data"), "{err}");
    // the same bytes may lie elsewhere
    fs::write(here("elsewhere"), &text).unwrap();
    good(folder.path(), "train --resume run --text elsewhere");
}

#[test]
fn a_killed_comparison_goes_on_with_the_runs_that_it_lacks() {
    let folder = scratch();
    let here = |name: &str| folder.path().join(name);
    let compare = "compare mlp --epochs 6 --schemes idinit,kaiming --seeds 3 --rates 0.01,0.05";
    good(folder.path(), &format!("{compare} --out whole"));
    let mut child = start(folder.path(), &format!("{compare} --threads 1 --out broken"));
    let results = || fs::read_to_string(here("broken/results.jsonl")).unwrap_or_default();
    let begin = Instant::now();
    while results().lines().count() < 4 {
        assert!(begin.elapsed() < Duration::from_secs(60), "no results");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = results();
    assert!(before.lines().count() < 12, "the comparison was too short to be killed");
    assert!(!here("broken/table.csv").exists());
    // a line that was not written to its end
    fs::write(here("broken/results.jsonl"), format!("{before}{{\"run\": \"idi")).unwrap();
    good(folder.path(), "compare --resume broken");
    // what was there is still there, seconds and all
    assert!(results().starts_with(&before), "{before} became {}", results());
    assert_eq!(results().lines().count(), 12);
    let table = |run: &str| fs::read_to_string(here(run).join("table.csv")).unwrap();
    assert_eq!(table("broken"), table("whole"));
    // once more there is nothing to do, and one more seed is two schemes at two rates
    good(folder.path(), "compare --resume broken");
    assert_eq!(results().lines().count(), 12);
    good(folder.path(), "compare --resume broken --seeds 4");
    assert_eq!(results().lines().count(), 16);
    let err = bad(folder.path(), "compare --resume broken --epochs 5");
    assert!(err.contains("results.jsonl: this is of a run with other settings"), "{err}");
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_the_last_good_checkpoint() {
    let folder = scratch();
    let settings = "train mlp --epochs 3 --checkpoint 10 --scheme idinit --log-steps 1";
    good(folder.path(), &format!("{settings} --out whole"));
    // the checkpoint grows by a line a step, until a file may not be as large: after the first ones
    let size = fs::metadata(folder.path().join("whole/checkpoint-idinit.bin")).unwrap().len();
    let blocks = size * 3 / 4 / 1024;
    let script = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec {} {settings} --out run",
        env!("CARGO_BIN_EXE_idinit")
    );
    // bash counts blocks of 1024 bytes
    let mut limited = Command::new("bash");
    let output = limited.args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("checkpoint-idinit.bin: File too large"), "{out}");
    let run = folder.path().join("run");
    let files: Vec<_> = fs::read_dir(&run).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{files:?}");
    assert!(run.join("checkpoint-idinit.bin").exists());
    good(folder.path(), "train --resume run");
    let weights = |run: &str| fs::read(folder.path().join(run).join("weights-idinit.bin")).unwrap();
    assert!(weights("run") == weights("whole"));
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let folder = scratch();
    let settings = "train mlp --epochs 2000 --checkpoint 100 --scheme idinit --out run";
    let mut first = start(folder.path(), settings);
    wait_for(&folder.path().join("run/checkpoint-idinit.bin"));
    let err = bad(folder.path(), settings);
    assert!(err.starts_with("error: run: is there already"), "{err}");
    assert_eq!(
        bad(folder.path(), "train --resume run"),
        "error: run: another run is at work here\n"
    );
    first.kill().unwrap();
    first.wait().unwrap();
    // the lock of a killed run is not stuck
    let mut second = start(folder.path(), "train --resume run");
    sleep(Duration::from_millis(300));
    assert!(second.try_wait().unwrap().is_none());
    second.kill().unwrap();
    second.wait().unwrap();
}
