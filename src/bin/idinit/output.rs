//! Where output goes: to the terminal or the next program, or to a file that is there whole or not
//! at all.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes to a file, or to standard output where none is named.
///
/// A file appears under its name only when all of it is written. What is no file, such as a device
/// or a pipe, is written to as it stands.
pub fn write(
    file: Option<&Path>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let Some(file) = file.filter(|file| *file != Path::new("-")) else {
        let mut out = BufWriter::new(io::stdout().lock());
        content(&mut out)?;
        return Ok(out.flush()?);
    };
    replace(file, content).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::io(file, &error),
    })
}

fn replace(file: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if file.metadata().is_ok_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(File::create(file)?);
        content(&mut out)?;
        return out.flush();
    }
    // behind a link, the file is replaced and not the link
    let file = fs::canonicalize(file).unwrap_or(file.to_path_buf());
    let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut prefix = name.to_os_string();
    prefix.push(".");
    let mut beside = tempfile::Builder::new();
    beside.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    beside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let part = beside.tempfile_in(parent(&file))?;
    let mut out = BufWriter::new(part);
    content(&mut out)?;
    let part = out.into_inner()?;
    part.persist(&file)?;
    Ok(())
}

/// Bytes of a block: systems write whole ones, at places that are multiples of it, the fastest.
const BLOCK: usize = 1 << 18;

/// Writes in whole blocks.
pub struct Blocks<'a> {
    out: &'a mut dyn Write,
    block: Vec<u8>,
}

impl<'a> Blocks<'a> {
    /// Who is done flushes it.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, block: Vec::with_capacity(BLOCK) }
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let some = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..some]);
        if self.block.len() == BLOCK {
            self.out.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.block.clear();
        self.out.flush()
    }
}

/// Prints at once, also where standard output is no terminal.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The folder that holds a file.
pub fn parent(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Numbers, all zero; an error where there is no memory for them.
pub fn zeros(count: usize) -> Result<Vec<f32>, Failure> {
    let mut numbers = Vec::new();
    match numbers.try_reserve_exact(count) {
        Err(_) => Err(Failure::failed(format!("no memory for {count} numbers"))),
        Ok(()) => {
            numbers.resize(count, 0.0);
            Ok(numbers)
        }
    }
}
