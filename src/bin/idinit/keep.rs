//! The checkpoints of a run, in its folder: one for each start.

use crate::failure::Failure;
use idinit::checkpoint::Checkpoint;
use idinit::engine::Engine;
use idinit::plan::Net;
use idinit::train::{Epoch, Position, Score, Standing, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Where checkpoints are kept, and how often.
pub struct Keep {
    pub folder: PathBuf,
    /// Every so often, and behind each epoch; never, if this is none.
    pub every: Option<Time>,
    /// Held while the run lives; the system lets it go with the process, however that ends. Who has none
    /// reads, and writes nothing.
    lock: Option<File>,
}

/// The file that a run has to itself.
const LOCK: &str = "lock";

/// What tells a run from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The checksum of its settings and its start.
    pub settings: u64,
    /// The checksum of its data, and of what an embedding begins with.
    pub data: u64,
}

impl Identity {
    /// Whether something that is kept is of this run; in words, why it is not.
    pub fn check(self, kept: Self) -> Result<(), &'static str> {
        match self {
            Self { settings, .. } if settings != kept.settings => {
                Err("this is of a run with other settings")
            }
            Self { data, .. } if data != kept.data => Err(
                "this is of a run on other data: the examples or the vectors of words have changed",
            ),
            _ => Ok(()),
        }
    }
}

/// What a run remembers beside its numbers.
#[derive(Default, Serialize, Deserialize)]
pub struct Notes {
    /// [`Identity::data`].
    #[serde(default)]
    pub data: u64,
    pub epochs: Vec<Kept>,
    /// Whole seconds of training before.
    pub seconds: f64,
    /// Events of single steps.
    pub steps: Vec<Value>,
}

/// An epoch, to the bit.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Kept {
    number: u32,
    rate: u32,
    train_loss: u32,
    loss: u32,
    correct: usize,
    count: usize,
    pub seconds: f64,
}

impl Kept {
    pub fn new(epoch: &Epoch, seconds: f64) -> Self {
        let Epoch { number, rate, train_loss, test: Score { loss, correct, count } } = *epoch;
        let [rate, train_loss, loss] = [rate, train_loss, loss].map(f32::to_bits);
        Self { number, rate, train_loss, loss, correct, count, seconds }
    }

    pub fn epoch(&self) -> Epoch {
        let [rate, train_loss, loss] = [self.rate, self.train_loss, self.loss].map(f32::from_bits);
        let test = Score { loss, correct: self.correct, count: self.count };
        Epoch { number: self.number, rate, train_loss, test }
    }
}

/// The notes of a checkpoint, if it is of the run.
fn read_notes(kept: &Checkpoint, identity: Identity) -> Result<Notes, String> {
    let settings = kept.settings;
    // of other settings, nobody knows what the notes are
    Identity { settings, ..identity }.check(identity)?;
    let notes: Notes = serde_json::from_slice(&kept.notes).map_err(|error| error.to_string())?;
    identity.check(Identity { settings, data: notes.data })?;
    Ok(notes)
}

impl Keep {
    /// Keeps checkpoints in a folder that no other run has to itself.
    pub fn new(folder: PathBuf, every: Option<Time>) -> Result<Self, Failure> {
        let file = folder.join(LOCK);
        let lock = File::create(&file).map_err(|error| Failure::io(&file, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, every, lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::at(&folder, "another run is at work here"))
            }
            Err(TryLockError::Error(error)) => Err(Failure::io(&file, &error)),
        }
    }

    /// Reads the checkpoints of a run that another process of it keeps.
    pub const fn reading(folder: PathBuf) -> Self {
        Self { folder, every: Some(Time::NONE), lock: None }
    }

    /// The checksum of the checkpoint of a start; 0, where there is none.
    #[cfg(feature = "cuda")]
    pub fn checksum(&self, start: &str) -> Result<u64, String> {
        let file = self.file(start);
        match std::fs::read(&file) {
            Ok(bytes) => Ok(idinit::checkpoint::checksum(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }

    fn file(&self, start: &str) -> PathBuf {
        self.folder.join(format!("checkpoint-{start}.bin"))
    }

    /// Every how many steps a checkpoint is due; never, if 0.
    pub fn steps(&self, per_epoch: u64) -> u64 {
        self.every.map_or(0, |every| every.steps(per_epoch))
    }

    /// Whether a checkpoint is due behind a step.
    pub fn is_due(&self, step: u64, per_epoch: u64) -> bool {
        let every = self.steps(per_epoch);
        every > 0 && step.is_multiple_of(every)
    }

    /// Writes the checkpoint of a start.
    pub fn write<E: Engine<Error: Display>>(
        &self,
        start: &str,
        identity: Identity,
        engine: &E,
        (net, standing): (&Net<'_>, Standing),
        notes: &Notes,
    ) -> Result<(), String> {
        if self.lock.is_none() {
            return Ok(());
        }
        let told = |error: &dyn Display| error.to_string();
        let mut checkpoint = Checkpoint {
            settings: identity.settings,
            steps: engine.steps(),
            epoch: standing.next.epoch,
            batch: standing.next.batch,
            sum: standing.sum,
            notes: serde_json::to_vec(notes).map_err(|error| told(&error))?,
            weights: vec![0.0; net.weights()],
            state: vec![0.0; net.kept()],
        };
        engine.weights(&mut checkpoint.weights).map_err(|error| told(&error))?;
        engine.state(&mut checkpoint.state).map_err(|error| told(&error))?;
        checkpoint.write(&self.file(start)).map_err(|error| told(&error))
    }

    /// Puts an engine where the checkpoint of a start says; none where there is none.
    pub fn restore<E: Engine<Error: Display>>(
        &self,
        start: &str,
        identity: Identity,
        engine: &mut E,
    ) -> Result<Option<(Standing, Notes)>, String> {
        let file = self.file(start);
        let at = |why: &dyn Display| format!("{}: {why}", file.display());
        let Some(kept) = Checkpoint::read(&file).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let notes = read_notes(&kept, identity).map_err(|why| at(&why))?;
        engine.restore(&kept.weights, &kept.state, kept.steps).map_err(|error| at(&error))?;
        let next = Position { epoch: kept.epoch, batch: kept.batch };
        Ok(Some((Standing { next, sum: kept.sum }, notes)))
    }

    /// What a start has noted in its checkpoint; nothing, where there is none.
    ///
    /// Asked before anything is done, so that what cannot be gone on from is found out first.
    pub fn notes(&self, start: &str, identity: Identity) -> Result<Notes, Failure> {
        let file = self.file(start);
        match Checkpoint::read(&file).map_err(Failure::failed)? {
            None => Ok(Notes::default()),
            Some(kept) => read_notes(&kept, identity).map_err(|why| Failure::at(&file, why)),
        }
    }

    /// Lets others at the folder: the run is at its end.
    pub fn release(self) {
        // one that stays keeps nobody out
        let _ = std::fs::remove_file(self.folder.join(LOCK));
    }

    /// Writes files of the run beside its checkpoints.
    pub fn files(&self, files: &[(String, Vec<u8>)]) -> Result<&Path, Failure> {
        for (name, content) in files {
            let file = self.folder.join(name);
            idinit::checkpoint::replace(&file, |out| out.write_all(content))
                .map_err(|error| Failure::io(&file, &error))?;
        }
        Ok(&self.folder)
    }
}
