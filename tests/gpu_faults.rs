//! A GPU that fails in the middle of a run costs the steps since the last checkpoint and nothing else. Only the
//! stand-in of `tests/cuda-on-cpu` fails when it is told to, so these tests need it:
//!
//! ```sh
//! LD_LIBRARY_PATH=$(tests/cuda-on-cpu/build.sh) cargo test --features cli,cuda --test gpu_faults
//! ```

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const RUN: &str = "train residual --blocks 2 --width 4 --epochs 6 --first 64 --batch 16 --scheme idinit \
    --update adam --engine cuda --checkpoint 3";

fn run(folder: &Path, arguments: &str, settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_idinit"))
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a run that failed said in one line on stderr; there the stand-in says things too.
fn error(output: &Output) -> String {
    let said = said(output);
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("[cuda-on-cpu]")).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{said}");
    lines[0].to_owned()
}

/// Whether the device is the stand-in; without it there is nothing to do, which must be allowed.
fn stand_in(folder: &Path) -> bool {
    let gpus = run(folder, "gpu", &[]);
    let found = String::from_utf8_lossy(&gpus.stdout).contains("cuda-on-cpu");
    if !found {
        assert!(std::env::var_os("IDINIT_REQUIRE_GPU").is_none(), "no stand-in: {}", said(&gpus));
        eprintln!("!! skipped: no stand-in device on LD_LIBRARY_PATH");
    }
    found
}

/// How many launches, products or allocations a command asked for, which was traced.
fn counted(traced: &Output, name: &str) -> u64 {
    let said = said(traced);
    let line = said.lines().find_map(|line| line.strip_prefix(&format!("[cuda-on-cpu] {name}: ")));
    line.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

const TRACED: &[(&str, &str)] = &[("CUDA_ON_CPU_TRACE", "1")];

#[test]
fn a_run_whose_gpu_fails_goes_on_to_the_bits_of_an_unbroken_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !stand_in(folder) {
        return;
    }
    let whole = run(folder, &format!("{RUN} --out whole"), TRACED);
    assert!(whole.status.success(), "{}", said(&whole));
    let want = fs::read(folder.join("whole/weights-idinit.bin")).unwrap();
    // up to three steps are ahead of the host when the device fails, which it hears of at once or when it
    // waits; or none is
    let cases = [
        ("launch", "launches", 16, "lazy"),
        ("gemm", "gemms", 16, "eager"),
        ("launch", "launches", 1, "eager"),
    ];
    for (what, name, every, mode) in cases {
        let count = counted(&whole, name);
        for quarters in [2, 3] {
            let out = format!("{what}-{quarters}-{every}");
            let fault = format!("{what}:{}", quarters * count / 4);
            let settings = [("CUDA_ON_CPU_FAIL", fault.as_str()), ("CUDA_ON_CPU_MODE", mode)];
            let arguments = format!("{RUN} --loss-every {every} --out {out}");
            let broken = run(folder, &arguments, &settings);
            let error = error(&broken);
            assert!(error.contains("the last checkpoint is whole"), "{error}");
            let next = run(folder, &format!("train --resume {out}"), TRACED);
            assert!(next.status.success(), "{}", said(&next));
            let got = fs::read(folder.join(out).join("weights-idinit.bin")).unwrap();
            assert!(got == want, "a run broken at {fault} ends with other weights");
            // one that had lost its checkpoint would begin anew, and end with the same bits
            let more = counted(&next, name);
            assert!(more < (5 - quarters) * count / 4, "{fault}: {more} of {count} {name} again");
        }
    }
}

#[test]
fn a_run_is_the_same_however_late_its_losses_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !stand_in(folder) {
        return;
    }
    // a last batch of fewer examples, and checkpoints where no losses are due
    let run = |every: u32| {
        let fewer = RUN.replace("--first 64", "--first 60");
        let arguments = format!("{fewer} --log-steps 1 --loss-every {every} --out {every}");
        let done = run(folder, &arguments, &[]);
        assert!(done.status.success(), "{}", said(&done));
        let file = |name: &str| fs::read(folder.join(every.to_string()).join(name)).unwrap();
        // all but what time it took
        let log = String::from_utf8(file("log.jsonl")).unwrap();
        let timeless = |line: &str| {
            let parts = line.split(',').filter(|part| !part.contains("second"));
            parts.collect::<Vec<_>>().join(",")
        };
        let log: Vec<_> = log.lines().map(timeless).collect();
        (file("weights-idinit.bin"), log)
    };
    let want = run(1);
    assert!(want.1.iter().filter(|line| line.contains("\"step\"")).count() >= 24);
    for every in [2, 5, 100] {
        assert!(run(every) == want, "losses read every {every} steps");
    }
}

#[test]
fn page_locked_memory_that_cannot_be_had_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !stand_in(folder) {
        return;
    }
    for which in ["pin:1", "pin:2"] {
        let broken = run(folder, RUN, &[("CUDA_ON_CPU_FAIL", which)]);
        let error = error(&broken);
        assert!(error.contains("taking page-locked memory of the host"), "{error}");
    }
}

#[test]
fn a_gpu_with_too_little_memory_says_how_much_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !stand_in(folder) {
        return;
    }
    // room for the workspace of cuBLAS, and little more
    let most = ((32 << 20) + 4096).to_string();
    let small = run(folder, RUN, &[("CUDA_ON_CPU_MEMORY", &most)]);
    let error = error(&small);
    assert!(
        error.contains("too little memory") && error.contains("MiB more are needed"),
        "{error}"
    );
}

#[test]
fn each_allocation_may_fail_and_ends_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !stand_in(folder) {
        return;
    }
    let whole = run(folder, &format!("{RUN} --out whole"), TRACED);
    for which in 1..=counted(&whole, "allocations") {
        let fault = format!("alloc:{which}");
        let broken = run(folder, &format!("{RUN} --out {which}"), &[("CUDA_ON_CPU_FAIL", &fault)]);
        let error = error(&broken);
        assert!(error.contains("too little memory"), "allocation {which}: {error}");
    }
}

#[test]
fn a_driver_without_a_device_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !stand_in(folder) {
        return;
    }
    let none = run(folder, RUN, &[("CUDA_ON_CPU_DEVICES", "0")]);
    let error = error(&none);
    assert!(error.contains("sees no GPU"), "{error}");
}
