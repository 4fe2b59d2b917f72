//! safetensors files, written and read window by window.

use super::{Content, Entry, Windows};
use crate::init::{Initial, Scheme, Tensor};
use core::fmt;
pub use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::collections::{BTreeMap, HashMap};
use std::format;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// The most bytes of a header, as the format has it.
const MOST: u64 = 100_000_000;

/// Why a file cannot be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExchangeError {
    /// What the system says.
    Io(io::Error),
    /// The file is no safetensors file.
    Format(String),
    /// The file lacks a tensor.
    Missing {
        /// Its name.
        name: String,
    },
    /// The file has a tensor that the network has not.
    Unexpected {
        /// Its name.
        name: String,
    },
    /// A tensor has other sizes.
    Shape {
        /// Its name.
        name: String,
        /// The network's.
        need: Vec<usize>,
        /// The file's.
        got: Vec<usize>,
    },
    /// The numbers of a tensor are none that this crate reads.
    Dtype {
        /// Its name.
        name: String,
        /// What they are.
        dtype: String,
    },
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Format(why) => write!(f, "no safetensors file: {why}"),
            Self::Missing { name } => write!(f, "the tensor {name} is missing"),
            Self::Unexpected { name } => write!(f, "the network has no tensor {name}"),
            Self::Shape { name, need, got } => {
                write!(f, "{name} is {}, and the network's is {}", sizes(got), sizes(need))
            }
            Self::Dtype { name, dtype } => {
                write!(f, "{name} holds {dtype}; what is read is F32, BF16, F16 and F64")
            }
        }
    }
}

impl core::error::Error for ExchangeError {}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Sizes as in `64x3x7x7`; of a single number, `scalar`.
pub fn sizes(shape: &[usize]) -> String {
    match shape {
        [] => "scalar".to_string(),
        shape => shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x"),
    }
}

/// A tensor in the header of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What its numbers are.
    pub dtype: Dtype,
    /// Its sizes.
    pub shape: Vec<usize>,
}

impl Item {
    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A header in its own order: that of the library's hash map is another in every run.
struct Head<'a> {
    notes: &'a [(&'a str, String)],
    infos: &'a [(String, TensorInfo)],
}

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let notes: BTreeMap<_, _> = self.notes.iter().map(|(name, text)| (name, text)).collect();
        if !notes.is_empty() {
            map.serialize_entry("__metadata__", &notes)?;
        }
        self.infos.iter().try_for_each(|(name, info)| map.serialize_entry(name, info))?;
        map.end()
    }
}

/// Writes the header of a file whose tensors follow in this order, with notes under
/// `__metadata__`.
///
/// # Errors
/// Where sizes overflow, and those of the system.
pub fn write_header(
    out: &mut (impl Write + ?Sized),
    items: &[Item],
    notes: &[(&str, String)],
) -> Result<(), ExchangeError> {
    let mut end = 0usize;
    let mut infos = Vec::with_capacity(items.len());
    for item in items {
        let Item { name, dtype, shape } = item;
        let begin = end;
        let bits = shape.iter().try_fold(dtype.bitsize(), |bits, size| bits.checked_mul(*size));
        end = bits
            .and_then(|bits| begin.checked_add(bits / 8))
            .ok_or_else(|| ExchangeError::Format(format!("{name} is too large")))?;
        let info = TensorInfo { dtype: *dtype, shape: shape.clone(), data_offsets: (begin, end) };
        infos.push((name.clone(), info));
    }
    let mut header = serde_json::to_vec(&Head { notes, infos: &infos })
        .map_err(|error| ExchangeError::Format(error.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    Ok(out.write_all(&header)?)
}

/// Writes numbers, little-endian.
///
/// # Errors
/// Those of the system; a type that no weight has is [`io::ErrorKind::Unsupported`].
pub fn write_numbers(
    out: &mut (impl Write + ?Sized),
    numbers: &[f32],
    dtype: Dtype,
) -> io::Result<()> {
    if dtype == Dtype::F32 && cfg!(target_endian = "little") {
        return out.write_all(bytemuck::cast_slice(numbers));
    }
    let mut bytes = Vec::with_capacity(numbers.len() * 8);
    for number in numbers {
        match dtype {
            Dtype::F32 => bytes.extend_from_slice(&number.to_le_bytes()),
            Dtype::F64 => bytes.extend_from_slice(&f64::from(*number).to_le_bytes()),
            Dtype::F16 => bytes.extend_from_slice(&half::f16::from_f32(*number).to_le_bytes()),
            Dtype::BF16 => bytes.extend_from_slice(&half::bf16::from_f32(*number).to_le_bytes()),
            Dtype::I64 => bytes.extend_from_slice(&(*number as i64).to_le_bytes()),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
    }
    out.write_all(&bytes)
}

/// Where the numbers of a weight come from: writes the window of it that begins at an index, in the
/// order of memory, or says in words why it cannot.
pub type Source<'a> = dyn FnMut(&Tensor<'_>, usize, &mut [f32]) -> Result<(), String> + 'a;

/// All weights in the order of memory, as a source.
pub fn stored(weights: &[f32]) -> impl FnMut(&Tensor<'_>, usize, &mut [f32]) -> Result<(), String> {
    |tensor, start, window| {
        let start = tensor.start + start;
        let some = weights.get(start..start + window.len());
        window.copy_from_slice(some.ok_or_else(|| format!("only {} weights", weights.len()))?);
        Ok(())
    }
}

/// Initial weights as a source.
pub fn unstored<S: Scheme>(
    initial: &Initial<'_, S>,
) -> impl FnMut(&Tensor<'_>, usize, &mut [f32]) -> Result<(), String> {
    |tensor, start, window| initial.fill(tensor, start, window).map_err(|error| error.to_string())
}

/// Writes a file with the tensors of a network. A weight that its source can only write whole is held
/// whole while it is written.
///
/// # Errors
/// Those of the source and of the system.
pub fn write(
    out: &mut (impl Write + ?Sized),
    entries: &[Entry<'_>],
    notes: &[(&str, String)],
    source: &mut Source<'_>,
) -> Result<(), ExchangeError> {
    // what has eight bytes comes first, so that everything is aligned
    let of = |batches| {
        let is = move |entry: &&Entry<'_>| matches!(entry.content, Content::Batches) == batches;
        entries.iter().filter(is)
    };
    let items: Vec<Item> = of(true)
        .chain(of(false))
        .map(|entry| Item {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            dtype: match entry.content {
                Content::Batches => Dtype::I64,
                Content::Weight(..) => Dtype::F32,
            },
        })
        .collect();
    write_header(out, &items, notes)?;
    for _ in of(true) {
        out.write_all(&0u64.to_le_bytes())?;
    }
    let mut windows = Windows::default();
    for entry in of(false) {
        let Content::Weight(tensor, layout) = entry.content else { continue };
        windows.permute(
            layout,
            tensor.part.dims,
            &mut |start, window| source(&tensor, start, window),
            &mut |window| write_numbers(out, window, Dtype::F32),
        )?;
    }
    Ok(())
}

/// A file that is being read.
#[derive(Debug)]
pub struct Tensors<R = BufReader<File>> {
    file: R,
    metadata: Metadata,
    /// Where the numbers begin.
    data: u64,
}

impl Tensors {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Where the file is none of the format, or is cut off.
    pub fn open(path: &Path) -> Result<Self, ExchangeError> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ExchangeError::Format("it is no file that can be read twice".to_string()));
        }
        Self::new(BufReader::new(file), metadata.len())
    }
}

impl<R: Read + Seek> Tensors<R> {
    /// Reads the header of a file of `length` bytes, from its beginning.
    ///
    /// # Errors
    /// Where the file is none of the format, or is cut off.
    pub fn new(file: R, length: u64) -> Result<Self, ExchangeError> {
        let mut file = file;
        let cut = || ExchangeError::Format("it is cut off".to_string());
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(|_| cut())?;
        let size = u64::from_le_bytes(head);
        if size > MOST {
            let why =
                "its header is too large (of a .pt file, save_file of safetensors.torch makes one)";
            return Err(ExchangeError::Format(why.to_string()));
        }
        if length.checked_sub(8).is_none_or(|rest| size > rest) {
            return Err(cut());
        }
        let mut header = vec![0; size as usize];
        file.read_exact(&mut header)?;
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| ExchangeError::Format(error.to_string()))?;
        let data = 8 + size;
        match data.checked_add(metadata.data_len() as u64) {
            Some(end) if end == length => Ok(Self { file, metadata, data }),
            Some(end) if end < length => {
                Err(ExchangeError::Format("there is more behind its tensors".to_string()))
            }
            _ => Err(cut()),
        }
    }

    /// The tensors, in the order in which they lie in the file.
    pub fn items(&self) -> Vec<Item> {
        let infos = self.metadata.tensors();
        let mut infos: Vec<_> = infos.iter().collect();
        // tensors without a number lie where others do
        infos.sort_by_key(|(name, info)| (info.data_offsets, *name));
        let of = |(name, info): &(&String, &&TensorInfo)| Item {
            name: name.to_string(),
            dtype: info.dtype,
            shape: info.shape.clone(),
        };
        infos.iter().map(of).collect()
    }

    /// A note under `__metadata__`.
    pub fn note(&self, name: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(name).map(String::as_str)
    }

    /// Copies the bytes of a tensor.
    ///
    /// # Errors
    /// Where there is no such tensor, and those of the system.
    pub fn copy(&mut self, name: &str, out: &mut dyn Write) -> Result<(), ExchangeError> {
        let Some(info) = self.metadata.info(name) else {
            return Err(ExchangeError::Missing { name: name.to_string() });
        };
        let (begin, end) = info.data_offsets;
        self.file.seek(SeekFrom::Start(self.data + begin as u64))?;
        let len = (end - begin) as u64;
        match io::copy(&mut self.file.by_ref().take(len), out)? {
            copied if copied == len => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    /// The bytes of a tensor, all of them.
    ///
    /// # Errors
    /// Where there is no such tensor, and those of the system.
    pub fn bytes(&mut self, name: &str) -> Result<Vec<u8>, ExchangeError> {
        let mut bytes = Vec::new();
        self.copy(name, &mut bytes)?;
        Ok(bytes)
    }

    /// The numbers of a tensor, all of them.
    ///
    /// # Errors
    /// Where there is no such tensor, or it holds no numbers that this crate reads.
    pub fn numbers(&mut self, name: &str) -> Result<Vec<f32>, ExchangeError> {
        let bytes = self.bytes(name)?;
        let name = name.to_string();
        let Some(dtype) = self.metadata.info(&name).map(|info| info.dtype) else {
            return Err(ExchangeError::Missing { name });
        };
        Ok(match dtype {
            Dtype::F32 => each(&bytes, f32::from_le_bytes),
            Dtype::F64 => each(&bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            Dtype::F16 => each(&bytes, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => each(&bytes, |bytes| half::bf16::from_le_bytes(bytes).to_f32()),
            dtype => return Err(ExchangeError::Dtype { name, dtype: dtype.to_string() }),
        })
    }
}

fn each<const K: usize>(bytes: &[u8], number: impl Fn([u8; K]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}

/// Reads the weights of a network from a file, into the order of memory.
///
/// # Errors
/// Where a tensor is missing, is unexpected, or has other sizes. A counter of batches may be missing.
pub fn read<R: Read + Seek>(
    file: &mut Tensors<R>,
    entries: &[Entry<'_>],
) -> Result<Vec<f32>, ExchangeError> {
    let by_name: HashMap<&str, &Entry<'_>> =
        entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    for item in file.items() {
        let entry = by_name.get(item.name.as_str());
        let entry = entry.ok_or_else(|| ExchangeError::Unexpected { name: item.name.clone() })?;
        if entry.shape != item.shape {
            let Item { name, shape, .. } = item;
            return Err(ExchangeError::Shape { name, need: entry.shape.clone(), got: shape });
        }
    }
    let mut weights = Vec::new();
    for entry in entries {
        if let Content::Weight(tensor, layout) = entry.content {
            let numbers = file.numbers(&entry.name)?;
            weights.extend(layout.restore(tensor.part.dims, numbers));
        }
    }
    Ok(weights)
}
