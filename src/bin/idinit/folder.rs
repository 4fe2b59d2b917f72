//! The folder of a run: it appears under its name when all of its files are there.

use crate::failure::Failure;
use crate::output::parent;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where a run will be written.
pub struct Folder {
    path: PathBuf,
    /// Whether the name may get a number where it is taken.
    numbered: bool,
}

impl Folder {
    /// The folder that was asked for, which is not there or empty, or a new one under `runs/`.
    ///
    /// What cannot be written to later is found out now, before the work.
    pub fn new(out: Option<PathBuf>, name: &str) -> Result<Self, Failure> {
        let folder = match out {
            Some(path) => Self { path, numbered: false },
            None => Self { path: Path::new("runs").join(name), numbered: true },
        };
        if !folder.numbered && folder.is_taken(&folder.path) {
            return Err(Failure::at(
                &folder.path,
                "is there already; --out wants a new or an empty folder",
            ));
        }
        // the folder beside is removed at once
        folder.beside().map(drop)?;
        Ok(folder)
    }

    /// Writes all files, by name, and gives the folder's path.
    pub fn write(&self, files: &[(String, Vec<u8>)]) -> Result<PathBuf, Failure> {
        let beside = self.beside()?;
        for (name, content) in files {
            let file = beside.path().join(name);
            fs::write(&file, content)
                .map_err(|error| Failure::io(&self.path.join(name), &error))?;
        }
        let target = self.free();
        if target.is_dir() {
            fs::remove_dir(&target).map_err(|error| Failure::io(&target, &error))?;
        }
        fs::rename(beside.path(), &target).map_err(|error| Failure::io(&target, &error))?;
        // it is no longer there to be removed
        let _ = beside.keep();
        Ok(target)
    }

    /// A folder beside the one to come, removed when it is let go.
    fn beside(&self) -> Result<TempDir, Failure> {
        let within = parent(&self.path);
        if self.numbered {
            fs::create_dir_all(&within).map_err(|error| Failure::io(&within, &error))?;
        }
        tempfile::Builder::new()
            .prefix(".idinit-")
            .tempdir_in(&within)
            .map_err(|error| Failure::io(&self.path, &error))
    }

    /// The path, with the first number that makes it a new one where it may have a number.
    fn free(&self) -> PathBuf {
        let numbers = (2..).map(|number| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!("-{number}"));
            PathBuf::from(path)
        });
        let mut names = std::iter::once(self.path.clone()).chain(numbers);
        match self.numbered {
            true => names.find(|path| !self.is_taken(path)).unwrap_or(self.path.clone()),
            false => self.path.clone(),
        }
    }

    fn is_taken(&self, path: &Path) -> bool {
        match fs::read_dir(path) {
            Ok(mut entries) => self.numbered || entries.next().is_some(),
            Err(_) => path.symlink_metadata().is_ok(),
        }
    }
}
