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

/// Writes windows as [`read`] reads them, and `idinit device`.
pub fn write(file: &Path, windows: &[Window]) -> io::Result<()> {
    let line = |(label, numbers): &Window| {
        let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
        format!("{label},{}\n", numbers.join(","))
    };
    fs::write(file, windows.iter().map(line).collect::<String>())
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

/// How many words there are, and the first that is new to a device.
pub const WORDS: u32 = 10;
pub const FIRST_NEW: u32 = 8;
/// Examples of each word that a device is given, and how often it is given others.
pub const SHOTS: usize = 5;
pub const DRAWS: usize = 5;

/// Spoken words.
pub struct Words {
    /// What the PC trains on: words that are not new.
    pub known: Vec<Window>,
    /// What a device is given, by draw.
    pub given: Vec<Vec<Window>>,
    /// What it is asked.
    pub asked: Vec<Window>,
}

/// The spoken words. The first of each are for devices, in turn.
pub fn words(data: &Path) -> io::Result<Words> {
    let mut seen = [0; WORDS as usize];
    let (mut known, mut given) = (vec![], vec![vec![]; DRAWS]);
    for window in read(&data.join("spoken/train.csv"))? {
        let number = seen.get_mut(window.0 as usize);
        let number: &mut usize = number.ok_or_else(|| io::Error::other("there is no such word"))?;
        match given.get_mut(*number / SHOTS) {
            Some(draw) => draw.push(window),
            None if window.0 < FIRST_NEW => known.push(window),
            None => {}
        }
        *number += 1;
    }
    Ok(Words { known, given, asked: read(&data.join("spoken/test.csv"))? })
}
