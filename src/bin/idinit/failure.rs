//! Why the command ends early: in one line, with an exit code.

use clap::error::ErrorKind;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

/// Why the command ends early.
#[derive(Debug)]
pub enum Failure {
    /// What was asked for makes no sense.
    Usage(String),
    /// It made sense, but failed.
    Failed(String),
    /// The reader of the output has left.
    Closed,
}

impl Failure {
    pub fn usage(why: impl fmt::Display) -> Self {
        Self::Usage(why.to_string())
    }

    pub fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// A failure to read or write a file.
    pub fn at(file: &Path, error: impl fmt::Display) -> Self {
        Self::Failed(format!("{}: {error}", file.display()))
    }

    /// A failure of the system at a file, without the path of a temporary one beside it.
    pub fn io(file: &Path, error: &io::Error) -> Self {
        let text = error.to_string();
        Self::at(file, text.split(" at path ").next().unwrap_or(&text))
    }

    /// Says why, in a line on stderr. A reader that has left is no reason to say anything.
    pub fn tell(&self) {
        if !matches!(self, Self::Closed) {
            // nobody is left to be told where stderr is closed
            let _ = writeln!(io::stderr(), "error: {self}");
        }
    }

    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Closed => 0,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Failed(why) => f.write_str(why),
            Self::Closed => f.write_str("nobody reads the output"),
        }
    }
}

/// What could not be printed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(format!("standard output: {error}")),
        }
    }
}

/// What the arguments lack: clap's paragraphs as one line.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut why = String::new();
        for line in lines.take_while(|line| !line.starts_with("Usage:")) {
            if line.starts_with("For more information") {
                break;
            }
            let line = line.strip_prefix("error: ").unwrap_or(line);
            why += match why.as_str() {
                "" => "",
                _ if line.starts_with("tip: ") => "; ",
                _ => " ",
            };
            why += line;
        }
        Self::Usage(why)
    }
}

/// Whether clap answers with the help text because too little was asked for.
pub fn is_help(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}
