//! For tests of data: folders of their own, and the folders with real files.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

/// A folder that is gone when the test ends.
pub(crate) struct Scratch {
    pub path: PathBuf,
}

impl Scratch {
    /// An empty folder; `test` names it.
    pub fn new(test: &str) -> Self {
        let path = env::temp_dir().join(std::format!("idinit-{}-{test}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    /// Writes a file, and the folders above it.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, bytes).unwrap();
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Says that a test is left out. Not by eprintln, which the test harness keeps to itself when a test
/// passes.
fn skipped(why: core::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// The folder that `IDINIT_DATA` names, if the set is in it; else it is said that it is not.
pub(crate) fn real(set: &str) -> Option<PathBuf> {
    let Some(dir) = env::var_os("IDINIT_DATA").map(PathBuf::from) else {
        skipped(format_args!("the real {set}: IDINIT_DATA names no folder"));
        return None;
    };
    let there = dir.join(set).is_dir();
    if !there {
        skipped(format_args!("the real {set}: it is not in {}", dir.display()));
    }
    there.then_some(dir)
}

/// The folder beside the project with what no registry has, if the set is in it.
pub(crate) fn shared(set: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let there = dir.join(set).is_dir();
    if !there {
        skipped(format_args!("the real {set}: it is not in {}", dir.display()));
    }
    there.then_some(dir)
}
