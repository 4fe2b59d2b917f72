//! What can be wrong with data: which file, what about it, and the command that mends it.

use std::{io, path::PathBuf, string::String};

/// Why examples could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataError {
    /// A file is not what it should be.
    File {
        /// The file, or folder.
        file: PathBuf,
        /// What is wrong with it.
        fault: Fault,
        /// The command, or other source, that it comes from; none for files of one's own.
        fetch: Option<String>,
    },
    /// There is no example of that number.
    Number {
        /// The number, from 0.
        number: usize,
        /// How many examples there are.
        count: usize,
    },
    /// The room for an example is of another length than the example.
    Room {
        /// How many numbers, or labels, an example has.
        need: usize,
        /// How many there is room for.
        got: usize,
    },
    /// A thread that reads ahead has ended early.
    Reader,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not there; a file could also be packed, as `NAME.gz`.
    Absent,
    /// The system, or gzip, gave no bytes.
    Unreadable(io::ErrorKind),
    /// It ends too early.
    Truncated {
        /// Bytes that it should have.
        need: u64,
        /// Bytes that it has.
        got: u64,
    },
    /// It goes on after its end.
    Trailing {
        /// Bytes that it should have.
        need: u64,
        /// Bytes that it has.
        got: u64,
    },
    /// It is of another kind.
    Magic {
        /// The number that it begins with.
        got: u32,
        /// The number that it should begin with.
        expected: u32,
    },
    /// A label names no class.
    Label {
        /// Which label, from 0.
        index: usize,
        /// Its value.
        got: u32,
        /// How many classes there are.
        classes: u32,
    },
    /// Its labels are not as many as the images that they belong to.
    Count {
        /// How many images there are.
        images: u64,
        /// How many labels it has.
        labels: u64,
    },
    /// It is cut off between two lines, or goes on after its last.
    Items {
        /// How many words, or sentences, it should have.
        need: usize,
        /// How many it has.
        got: usize,
    },
    /// Its content is not the published one.
    Checksum {
        /// The MD5 of the content.
        got: [u8; 16],
        /// The published one.
        expected: [u8; 16],
    },
    /// It is no picture that can be decoded.
    Picture(String),
    /// It is a picture of another size.
    Size {
        /// Width and height that it should have.
        need: [u32; 2],
        /// Width and height that it has.
        got: [u32; 2],
    },
    /// A line is not of its format.
    Line {
        /// Which line, from 1.
        line: usize,
        /// What it should be.
        need: &'static str,
    },
    /// It has nothing to learn from.
    Empty {
        /// What it should have.
        need: &'static str,
    },
    /// A class of the training folder is missing, or one is there that the training folder has not.
    Class {
        /// The name of the class.
        name: String,
    },
    /// It is not encoded as UTF-8.
    Utf8 {
        /// How many bytes are sound.
        sound: usize,
    },
}

/// Bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Absent => f.write_str("is absent"),
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            Self::Truncated { need, got } => write!(f, "is cut off: {got} bytes of {need}"),
            Self::Trailing { need, got } => {
                write!(f, "goes on after its end: {got} bytes, not {need}")
            }
            Self::Magic { got, expected } => {
                write!(f, "begins with {got:#06x}, not {expected:#06x}")
            }
            Self::Label { index, got, classes } => {
                write!(f, "is mislabelled: label {index} is {got}, but there are {classes} classes")
            }
            Self::Count { images, labels } => {
                write!(f, "has {labels} labels, but there are {images} images")
            }
            Self::Items { need, got } => write!(f, "is not whole: {got} items of {need}"),
            Self::Checksum { got, expected } => {
                write!(
                    f,
                    "is not as published: the MD5 of its content is {}, not {}",
                    Hex(got),
                    Hex(expected)
                )
            }
            Self::Picture(why) => write!(f, "is no picture that can be decoded: {why}"),
            Self::Size { need, got } => {
                let ([w, h], [width, height]) = (need, got);
                write!(f, "is a picture of {width}×{height} pixels, not {w}×{h}")
            }
            Self::Line { line, need } => write!(f, "is damaged: line {line} is not {need}"),
            Self::Empty { need } => write!(f, "has no {need}"),
            Self::Class { name } => {
                write!(f, "and the training folder differ: only one of them has the class {name}")
            }
            Self::Utf8 { sound } => write!(f, "is not UTF-8 after its first {sound} bytes"),
        }
    }
}

impl core::fmt::Display for DataError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::File { file, fault, fetch } => {
                write!(f, "{} {fault}", file.display())?;
                fetch.as_ref().map_or(Ok(()), |fetch| write!(f, "; fetch it: {fetch}"))
            }
            Self::Number { number, count } => {
                write!(f, "there is no example {number}: there are {count}, from 0 on")
            }
            Self::Room { need, got } => {
                write!(f, "an example needs room for {need}, not for {got}")
            }
            Self::Reader => f.write_str("a thread that reads examples ended early"),
        }
    }
}

impl core::error::Error for DataError {}
