//! Windows with labels, of the files that `examples/get-data.sh watch spoken DATA` makes.

use std::fs;
use std::io;
use std::path::Path;

/// A label, and the numbers of a window.
pub type Window = (u32, Vec<f32>);

/// Reads a file with a line LABEL,NUMBER,NUMBER… for each window.
pub fn read(file: &Path) -> io::Result<Vec<Window>> {
    let said = |why: &str| io::Error::other(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| {
        said(&format!("{error}; `bash examples/get-data.sh watch spoken DATA` makes it"))
    })?;
    let window = |line: &str| {
        let (label, numbers) = line.split_once(',')?;
        let numbers: Result<_, _> = numbers.split(',').map(str::parse).collect();
        Some((label.parse().ok()?, numbers.ok()?))
    };
    let windows: Option<_> = text.lines().map(window).collect();
    windows.ok_or_else(|| said("a line is not LABEL,NUMBER,NUMBER…"))
}

/// How many subjects wore the watch.
pub const SUBJECTS: usize = 10;

/// The windows of each, in the order in which they would be made.
pub fn watch(data: &Path) -> io::Result<Vec<Vec<Window>>> {
    (1..=SUBJECTS).map(|k| read(&data.join(format!("watch/subject-{k:02}.csv")))).collect()
}

/// All windows but those of subject `held`, from 0.
pub fn others(subjects: &[Vec<Window>], held: usize) -> Vec<&Window> {
    (0..).zip(subjects).filter(|(k, _)| *k != held).flat_map(|(_, windows)| windows).collect()
}
