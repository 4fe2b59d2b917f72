//! Where a set's files lie, and how they are read: plain, or packed as `NAME.gz`.

use super::{DataError, Fault};
use std::{
    ffi::OsString,
    format, fs,
    io::Read,
    path::{Path, PathBuf},
    string::String,
    vec::Vec,
};

/// The folder of a set, and where its files come from.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub folder: PathBuf,
    pub fetch: Option<String>,
}

impl Place {
    /// The folder `name` in `dir`, which `get-data.sh` fills.
    pub fn fetched(dir: &Path, name: &str) -> Self {
        let fetch = format!("bash examples/get-data.sh {name} {}", dir.display());
        Self { folder: dir.join(name), fetch: Some(fetch) }
    }

    /// A folder of one's own.
    pub fn own(folder: &Path) -> Self {
        Self { folder: folder.into(), fetch: None }
    }

    /// An error about a file.
    pub fn error(&self, file: &Path, fault: Fault) -> DataError {
        DataError::File { file: file.into(), fault, fetch: self.fetch.clone() }
    }

    /// The file of that name, plain or packed, if it is there.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let file = self.folder.join(name);
        let packed = packed(&file);
        [file, packed].into_iter().find(|file| file.is_file())
    }

    /// The file of that name, plain or packed, and all of its bytes, unpacked.
    pub fn read(&self, name: &str) -> Result<(PathBuf, Vec<u8>), DataError> {
        match self.find(name) {
            None => Err(self.error(&self.folder.join(name), Fault::Absent)),
            Some(file) => self.bytes(&file).map(|bytes| (file, bytes)),
        }
    }

    /// All bytes of a file, unpacked where its name ends in `.gz`.
    pub fn bytes(&self, file: &Path) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = fs::File::open(file).and_then(|mut plain| {
            match file.extension().is_some_and(|extension| extension == "gz") {
                true => flate2::read::MultiGzDecoder::new(plain).read_to_end(&mut bytes),
                false => plain.read_to_end(&mut bytes),
            }
        });
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.error(file, Fault::of(&error))),
        }
    }

    /// The text of a file, plain or packed.
    pub fn text(&self, file: &Path) -> Result<String, DataError> {
        String::from_utf8(self.bytes(file)?).map_err(|error| {
            self.error(file, Fault::Utf8 { sound: error.utf8_error().valid_up_to() })
        })
    }
}

impl Fault {
    /// Whether a file of `got` bytes has the `need` bytes that it should.
    pub(super) fn length(need: u64, got: u64) -> Result<(), Self> {
        match got.cmp(&need) {
            core::cmp::Ordering::Less => Err(Self::Truncated { need, got }),
            core::cmp::Ordering::Greater => Err(Self::Trailing { need, got }),
            core::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// Why the system gave no bytes.
    pub(super) fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Absent,
            kind => Self::Unreadable(kind),
        }
    }
}

/// The name of a file that gzip has packed.
fn packed(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".gz");
    name.into()
}
