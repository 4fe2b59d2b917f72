//! What came of each run of a comparison, `results.jsonl`: a line as soon as the run is at its end, so
//! that a comparison that was stopped goes on with the runs that it lacks.

use crate::failure::Failure;
use crate::job::Start;
use crate::keep::{Identity, Kept};
use crate::report::Outcome;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const NAME: &str = "results.jsonl";

/// The results of a comparison so far.
pub struct Results {
    path: PathBuf,
    file: File,
    there: Vec<Finished>,
}

/// A run at its end.
#[derive(Serialize, Deserialize)]
struct Finished {
    run: String,
    identity: Identity,
    failure: Option<String>,
    seconds: f64,
    epochs: Vec<Kept>,
}

impl Results {
    /// The results in a folder, if there are any; others will be added.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let failed = |error: &_| Failure::io(&path, error);
        let before = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&before);
        // the last line of a comparison that was killed may be a part of one
        let there: Vec<Finished> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let lines = there.iter().map(line).collect::<Result<String, _>>()?;
        idinit::checkpoint::replace(&path, |out| out.write_all(lines.as_bytes()))
            .map_err(|error| failed(&error))?;
        let file = File::options().append(true).open(&path).map_err(|error| failed(&error))?;
        Ok(Self { path, file, there })
    }

    /// What came of a run before, if it is there.
    ///
    /// # Errors
    /// Where what is there came of other settings or other data.
    pub fn of(&self, start: &Start, identity: Identity) -> Result<Option<Outcome>, Failure> {
        let Some(there) = self.there.iter().find(|there| there.run == start.label) else {
            return Ok(None);
        };
        identity.check(there.identity).map_err(|why| Failure::at(&self.path, why))?;
        Ok(Some(Outcome {
            epochs: there.epochs.iter().map(Kept::epoch).collect(),
            each: there.epochs.iter().map(|kept| kept.seconds).collect(),
            failure: there.failure.clone(),
            seconds: there.seconds,
            ..Outcome::of(start)
        }))
    }

    /// Adds what came of a run.
    pub fn add(&mut self, outcome: &Outcome, identity: Identity) -> Result<(), Failure> {
        let epochs = outcome.epochs.iter().zip(&outcome.each);
        let finished = Finished {
            run: outcome.label.clone(),
            identity,
            failure: outcome.failure.clone(),
            seconds: outcome.seconds,
            epochs: epochs.map(|(epoch, seconds)| Kept::new(epoch, *seconds)).collect(),
        };
        let line = line(&finished)?;
        self.file.write_all(line.as_bytes()).map_err(|error| Failure::io(&self.path, &error))
    }
}

fn line(finished: &Finished) -> Result<String, Failure> {
    let line = serde_json::to_string(finished).map_err(Failure::failed)?;
    Ok(format!("{line}\n"))
}
