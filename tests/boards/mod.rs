//! The boards of `boards/`: how their programs are built, and what is said where they cannot be.

#![allow(dead_code)] // each test has its part of it

pub mod project;

use std::env;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A board.
pub struct Board {
    pub folder: &'static str,
    pub target: &'static str,
    pub qemu: &'static str,
    /// The machine that QEMU plays.
    pub machine: &'static str,
    /// How an image is run where that is not how the board itself is.
    pub instead: &'static [&'static str],
}

pub const M4F: Board = Board {
    folder: "qemu-mps2-an386",
    machine: "mps2-an386",
    target: "thumbv7em-none-eabihf",
    qemu: "qemu-system-arm",
    instead: &[],
};
pub const M0: Board = Board {
    folder: "qemu-mps2-an385",
    machine: "mps2-an385",
    target: "thumbv6m-none-eabi",
    qemu: "qemu-system-arm",
    instead: &[],
};
pub const RISCV: Board = Board {
    folder: "qemu-riscv32-virt",
    machine: "virt",
    target: "riscv32imac-unknown-none-elf",
    qemu: "qemu-system-riscv32",
    instead: &[],
};

/// Its image for a real board, in an emulator that `emulate.py` installs.
pub const PICO: Board = Board {
    folder: "rp-pico",
    machine: "",
    target: "thumbv6m-none-eabi",
    qemu: "python3",
    instead: &["python3", "emulate.py"],
};
/// Its image for a real board, on QEMU's board with a chip of the same family.
pub const NUCLEO: Board = Board {
    folder: "nucleo-f446re",
    machine: "netduinoplus2",
    target: "thumbv7em-none-eabihf",
    qemu: "qemu-system-arm",
    instead: &[
        "qemu-system-arm",
        "-machine",
        "netduinoplus2",
        "-display",
        "none",
        "-monitor",
        "none",
        // its second serial port is what the program prints on
        "-serial",
        "null",
        "-serial",
        "stdio",
        "-semihosting-config",
        "enable=on,target=native",
        "-kernel",
    ],
};

/// How long a program may be built.
pub const BUILDING: Duration = Duration::from_secs(1_200);
/// How long it may run.
pub const RUNNING: Duration = Duration::from_secs(600);

/// What a program ended with and printed.
pub struct Ended {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

/// The folder.
pub fn boards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("boards")
}

/// `program`, without what `cargo test` and the shell say about compiling for the host.
pub fn command(program: &str) -> Command {
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
pub fn finish(mut command: Command, limit: Duration) -> Ended {
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
pub fn toolchain(board: &Board) -> Result<String, String> {
    let found = Command::new(board.qemu).arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        return Err(format!("{} is not installed", board.qemu));
    }
    if let [python @ "python3", emulator] = board.instead {
        let mut install = command(python);
        install.args([emulator, "--install"]).current_dir(boards().join(board.folder));
        let installed = finish(install, BUILDING);
        if !installed.ok {
            return Err(installed.err);
        }
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
pub fn skip(test: &str, why: &str) {
    let must = env::var_os("IDINIT_REQUIRE_QEMU").is_some_and(|value| value == "1");
    assert!(!must, "{test}: {why}");
    // Not by eprintln, which the test harness keeps to itself when a test passes.
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
}

/// Where images are: real boards share crates, and a folder for these.
pub fn images(board: &Board) -> PathBuf {
    let all = boards().join("../target/boards");
    if board.instead.is_empty() { all } else { all.join("real") }
}

/// cargo in the board's folder.
pub fn cargo(board: &Board, path: &str, args: &[&str]) -> Command {
    let mut cargo = command("cargo");
    cargo.args(args).arg("--release").current_dir(boards().join(board.folder)).env("PATH", path);
    cargo.env("CARGO_TARGET_DIR", images(board));
    cargo
}

/// Builds a program and says where its image is.
pub fn build(board: &Board, path: &str, program: &str, features: &[&str]) -> PathBuf {
    let built =
        finish(cargo(board, path, &[&["build", "--bin", program], features].concat()), BUILDING);
    assert!(built.ok, "{program} does not build on {}:\n{}", board.folder, built.err);
    images(board).join(board.target).join("release").join(program)
}
