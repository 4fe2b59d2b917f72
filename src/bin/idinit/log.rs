//! The log of a run, `log.jsonl`: an event a line, there as soon as it has happened, so that it can be
//! followed, and a run that is killed leaves what it has measured.

use crate::failure::Failure;
use serde_json::Value;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What it is called in the folder of a run.
pub const NAME: &str = "log.jsonl";

/// A log that grows.
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// The log in a folder, which from now on holds just these events.
    ///
    /// Of a log that is there, lines of events that `known` does not have are cut: they lie behind the
    /// checkpoint that the run goes on from, and will happen again. What it lacks is added.
    pub fn open(folder: &Path, known: &[Value]) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let failed = |error: &_| Failure::io(&path, error);
        let before = fs::read(&path).unwrap_or_default();
        let mut wanted: HashSet<_> = known.iter().map(timeless).collect();
        let mut text = String::new();
        for line in String::from_utf8_lossy(&before).lines() {
            // the last line of a run that was killed may be a part of one
            let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
            if wanted.remove(&timeless(&event)) {
                text += &format!("{line}\n");
            }
        }
        let lacking = known.iter().filter(|event| wanted.contains(&timeless(event)));
        text.extend(lacking.map(|event| format!("{event}\n")));
        idinit::checkpoint::replace(&path, |out| out.write_all(text.as_bytes()))
            .map_err(|error| failed(&error))?;
        let file = File::options().append(true).open(&path).map_err(|error| failed(&error))?;
        Ok(Self { path, file })
    }

    /// Adds a line, whole.
    pub fn write(&mut self, event: &Value) -> Result<(), Failure> {
        let line = format!("{event}\n");
        self.file.write_all(line.as_bytes()).map_err(|error| Failure::io(&self.path, &error))
    }
}

/// An event without its speed, which no run has twice.
fn timeless(event: &Value) -> String {
    let mut event = event.clone();
    if let Some(event) = event.as_object_mut() {
        event.remove("examples_per_second");
    }
    event.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_log_goes_on_where_the_run_does() {
        let folder = tempfile::tempdir().unwrap();
        let epoch = |number: u32, speed: Option<u32>| json!({ "event": "epoch", "epoch": number, "examples_per_second": speed });
        let mut log = Log::open(folder.path(), &[]).unwrap();
        for number in 1..4 {
            log.write(&epoch(number, Some(9))).unwrap();
        }
        log.file.write_all(b"{\"event\": \"ep").unwrap();
        drop(log);
        // the checkpoint lies behind the second epoch, and the log has lost the first
        let path = folder.path().join(NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.split_once('\n').unwrap().1).unwrap();
        let mut log = Log::open(folder.path(), &[epoch(1, None), epoch(2, None)]).unwrap();
        log.write(&epoch(3, Some(7))).unwrap();
        let lines = [epoch(2, Some(9)), epoch(1, None), epoch(3, Some(7))];
        let want: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(fs::read_to_string(&path).unwrap(), want);
    }
}
