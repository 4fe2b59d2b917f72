//! For tests of data: folders of their own, and the folders with real files.

use std::{
    env, fs,
    io::{self, Write},
    path::PathBuf,
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
    let dir = fetched();
    let found = dir.clone().filter(|dir| dir.join(set).is_dir());
    match (&found, dir) {
        (Some(_), _) => {}
        (None, Some(dir)) => skipped(format_args!("the real {set} is not in {}", dir.display())),
        (None, None) => skipped(format_args!("the real {set}: IDINIT_DATA names no folder")),
    }
    found
}

fn fetched() -> Option<PathBuf> {
    env::var_os("IDINIT_DATA").map(PathBuf::from)
}
