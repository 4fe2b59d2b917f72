//! The boards' programs compute the host's bits: each is built, run in QEMU, and its lines
//! `fingerprint NAME HEX` are compared with what the same library gives here.
//!
//! Without QEMU or a bare-metal toolchain a test passes with a line `SKIPPED`; with
//! `IDINIT_REQUIRE_QEMU=1` it fails.

use idinit::rule::{Dims, Exact, Order, Start};
use std::{
    env,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

struct Board {
    folder: &'static str,
    target: &'static str,
    qemu: &'static str,
}

const M4F: Board =
    Board { folder: "qemu-mps2-an386", target: "thumbv7em-none-eabihf", qemu: "qemu-system-arm" };
const M0: Board =
    Board { folder: "qemu-mps2-an385", target: "thumbv6m-none-eabi", qemu: "qemu-system-arm" };
const RISCV: Board = Board {
    folder: "qemu-riscv32-virt",
    target: "riscv32imac-unknown-none-elf",
    qemu: "qemu-system-riscv32",
};

const BUILDING: Duration = Duration::from_secs(600);
const RUNNING: Duration = Duration::from_secs(120);

/// What a program ended with and printed.
struct Ended {
    ok: bool,
    out: String,
    err: String,
}

fn boards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("boards")
}

/// `program`, without what `cargo test` and the shell say about compiling for the host.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let ours =
            name.starts_with("CARGO") || name.starts_with("RUST") || name == "LD_LIBRARY_PATH";
        if ours && name != "CARGO_HOME" && name != "RUSTUP_HOME" {
            command.env_remove(&*name);
        }
    }
    command
}

/// Runs `command` to its end, or to `limit` and no longer.
fn finish(mut command: Command, limit: Duration) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let read = |mut pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(Box::new(child.stdout.take().unwrap()));
    let err = read(Box::new(child.stderr.take().unwrap()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?}: not done after {limit:?}");
        }
        thread::sleep(Duration::from_millis(10));
    };
    Ended { ok: status.success(), out: out.join().unwrap(), err: err.join().unwrap() }
}

/// The PATH with which cargo compiles for `board`, or why there is none.
fn toolchain(board: &Board) -> Result<String, String> {
    let found = Command::new(board.qemu).arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        return Err(format!("{} is not installed", board.qemu));
    }
    let mut script = command("bash");
    script.arg(boards().join("toolchain.sh")).arg(board.target);
    let Ended { ok, out, err } = finish(script, BUILDING);
    let path = env::var("PATH").unwrap_or_default();
    match (ok, out.trim()) {
        (false, _) => Err(err),
        (true, "") => Ok(path),
        (true, folder) => Ok(format!("{folder}:{path}")),
    }
}

/// Says that `test` could not run, or fails where it must.
fn skip(test: &str, why: &str) {
    let must = env::var_os("IDINIT_REQUIRE_QEMU").is_some_and(|value| value == "1");
    assert!(!must, "{test}: {why}");
    // Not by eprintln, which the test harness keeps to itself when a test passes.
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
}

/// cargo in the board's folder, with the images in `target/boards`.
fn cargo(board: &Board, path: &str, args: &[&str]) -> Command {
    let mut cargo = command("cargo");
    cargo.args(args).arg("--release").current_dir(boards().join(board.folder)).env("PATH", path);
    cargo.env("CARGO_TARGET_DIR", boards().join("../target/boards"));
    cargo
}

/// The lines `NAME HEX` of a board's program.
fn fingerprints(board: &Board, path: &str, program: &str) -> Vec<String> {
    let built = finish(cargo(board, path, &["build", "--bin", program]), BUILDING);
    assert!(built.ok, "{program} does not build on {}:\n{}", board.folder, built.err);
    let ran = finish(cargo(board, path, &["run", "--quiet", "--bin", program]), RUNNING);
    assert!(ran.ok, "{program} failed on {}:\n{}{}", board.folder, ran.out, ran.err);
    ran.out.lines().filter_map(|line| line.strip_prefix("fingerprint ")).map(Into::into).collect()
}

/// The CRC-64/XZ of numbers, little-endian.
fn fingerprint(name: &str, values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let crc = crc::Crc::<u64>::new(&crc::CRC_64_XZ).checksum(&bytes);
    format!("{name} {crc:016x}")
}

/// Every program and what the host computes in its place.
fn programs() -> Vec<(&'static str, Vec<String>)> {
    let mut identity = [f32::NAN; 64 * 64];
    let rule = Exact::Identity { gain: 1.0, order: Order::SpatialMajor };
    rule.fill(Dims::dense(64, 64).unwrap(), &mut identity).unwrap();
    vec![("init", vec![fingerprint("identity-64x64", &identity)])]
}

fn computes_the_hosts_bits(board: &Board) {
    match toolchain(board) {
        Err(why) => skip(board.folder, &why),
        Ok(path) => {
            for (program, expected) in programs() {
                let got = fingerprints(board, &path, program);
                assert_eq!(got, expected, "{program} on {}", board.folder);
            }
        }
    }
}

#[test]
fn a_cortex_m4f_computes_the_hosts_bits() {
    computes_the_hosts_bits(&M4F);
}

#[test]
fn a_cortex_m0_computes_the_hosts_bits() {
    computes_the_hosts_bits(&M0);
}

#[test]
fn a_riscv32_computes_the_hosts_bits() {
    computes_the_hosts_bits(&RISCV);
}

/// Links `bin` with a panic handler that is an undefined symbol.
fn linked(path: &str, bin: &str) -> Ended {
    let args = ["build", "--no-default-features", "--features", "no-panic", "--bin", bin];
    finish(cargo(&M4F, path, &args), BUILDING)
}

#[test]
fn no_panic_can_be_reached_in_firmware() {
    match toolchain(&M4F) {
        Err(why) => skip("no_panic_can_be_reached_in_firmware", &why),
        Ok(path) => {
            let proof = linked(&path, "no_panic");
            assert!(proof.ok, "{}", proof.err);
            // The proof would be worth nothing if it never failed.
            let counter = linked(&path, "can_panic");
            assert!(!counter.ok && counter.err.contains("idinit_a_panic_is_reachable"));
        }
    }
}
