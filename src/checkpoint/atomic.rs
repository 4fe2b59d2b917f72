//! A file that is there whole or not at all.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Writes a file beside the one of that name, syncs it, renames it over the old one and syncs the
/// folder: whenever the program or the system stops, one of the two is there, whole.
///
/// The file beside is `NAME.part`; one that a killed program has left is overwritten, so one program
/// at a time may write a file.
///
/// # Errors
/// What the system says. The old file is then as it was, and the one beside is removed.
pub fn replace(
    file: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = OsString::from(file);
    name.push(".part");
    let part = PathBuf::from(name);
    let written = write(&part, content).and_then(|()| fs::rename(&part, file));
    if written.is_err() {
        // what cannot be removed either is overwritten the next time
        let _ = fs::remove_file(&part);
    }
    written?;
    sync_folder(file)
}

fn write(part: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(part)?);
    content(&mut out)?;
    out.into_inner()?.sync_all()
}

/// A rename is on the disk when the folder is.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Folders cannot be opened as files here.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
