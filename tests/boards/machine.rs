//! A board that talks, as QEMU plays it, and `idinit device` at the other end of its line.

use super::boards::{Board, Ended, command, finish};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a command may take.
pub const TALKING: Duration = Duration::from_secs(300);

/// A board that runs a program that talks, and where its line is.
pub struct Machine {
    pub qemu: Child,
    pub folder: TempDir,
    pub port: String,
}

impl Machine {
    /// A command that runs QEMU with this line.
    pub fn qemu(board: &Board, image: &Path, serial: &str) -> Command {
        let mut qemu = command(board.qemu);
        qemu.args(["-machine", board.machine, "-display", "none", "-monitor", "none"]);
        if board.machine == "virt" {
            qemu.args(["-bios", "none"]);
        }
        qemu.args(["-semihosting-config", "enable=on,target=native", "-serial", serial]);
        qemu.arg("-kernel").arg(image).stdin(Stdio::null()).stdout(Stdio::piped());
        qemu
    }

    /// With a socket in a folder of its own.
    pub fn start(board: &Board, image: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("line");
        let serial = format!("unix:{},server=on,wait=off", socket.display());
        let qemu = Self::qemu(board, image, &serial).spawn().unwrap();
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < TALKING, "QEMU makes no socket");
            thread::sleep(Duration::from_millis(10));
        }
        let port = format!("unix:{}", socket.display());
        Self { qemu, folder, port }
    }

    /// What `idinit device COMMAND PORT …` ends with.
    pub fn ended(&self, subcommand: &str, rest: &str) -> Ended {
        let mut idinit = Command::new(env!("CARGO_BIN_EXE_idinit"));
        idinit.current_dir(self.folder.path()).args(["device", subcommand]).arg(&self.port);
        idinit.args(rest.split_whitespace());
        finish(idinit, TALKING)
    }

    pub fn good(&self, subcommand: &str, rest: &str) -> String {
        let ended = self.ended(subcommand, rest);
        assert!(ended.ok && ended.err.is_empty(), "{subcommand} {rest}: {}", ended.err);
        ended.out
    }

    pub fn json(&self, subcommand: &str, rest: &str) -> Value {
        serde_json::from_str(&self.good(subcommand, &format!("{rest} --json"))).unwrap()
    }

    /// Turns it off, and says what it printed beside its line.
    pub fn stop(mut self) -> String {
        self.qemu.kill().unwrap();
        let mut said = String::new();
        self.qemu.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.qemu.wait().unwrap();
        said
    }
}

/// A test that fails leaves no QEMU behind, for which whoever reads the test's output would wait.
impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// The last word of a line.
pub fn last(line: &str) -> &str {
    line.split_whitespace().last().unwrap()
}
