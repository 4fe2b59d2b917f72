//! Settings from a TOML file: its keys are the options by their long names, and `model`. They become
//! arguments in front of those of the command line, which win.

use crate::failure::Failure;
use clap::parser::ValueSource;
use clap::{ArgAction, Command};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What the file is called in the folder of a run.
pub const NAME: &str = "config.toml";

/// What belongs to a call and not to a run.
const NOT_IN_FILES: &[&str] = &["config", "resume", "help"];

/// The arguments with those of the file that they name by `--config`, or by the folder of
/// `--resume`. What cannot be parsed stays as it is, for the parser to complain of.
pub fn with_file(command: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let Ok(matches) = command.clone().try_get_matches_from(&arguments) else {
        return Ok(arguments);
    };
    let Some((name, matches)) = matches.subcommand() else { return Ok(arguments) };
    let path = |id| match matches.try_contains_id(id) {
        Ok(true) => matches.get_one::<PathBuf>(id).cloned(),
        _ => None,
    };
    let Some(file) = path("config").or_else(|| Some(path("resume")?.join(NAME))) else {
        return Ok(arguments);
    };
    let Some(command) = command.find_subcommand(name) else { return Ok(arguments) };
    let table = read(&file)?;
    let mut more = Vec::new();
    for (key, value) in &table {
        if NOT_IN_FILES.contains(&key.as_str()) {
            return Err(Failure::usage(format!("{}: {key} is for the command", file.display())));
        }
        let id = key.replace('-', "_");
        let known = command
            .get_arguments()
            .find(|argument| argument.get_id() == id.as_str() || argument.get_id() == key.as_str());
        let said = known.is_some_and(|argument| {
            matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
        });
        if said {
            continue;
        }
        let text = text(value).ok_or_else(|| {
            Failure::usage(format!("{}: {key} is neither a value nor a list", file.display()))
        })?;
        let flag =
            known.is_some_and(|argument| matches!(argument.get_action(), ArgAction::SetTrue));
        match (value, known.is_some_and(|argument| argument.is_positional())) {
            (_, true) => more.push(text.into()),
            (Value::Boolean(false), _) if flag => {}
            (Value::Boolean(true), _) if flag => more.push(format!("--{key}").into()),
            _ => more.push(format!("--{key}={text}").into()),
        }
    }
    // behind the names of the program and of the subcommand
    let mut all = arguments;
    let rest = all.split_off(all.len().min(2));
    let mut checked = all.clone();
    checked.extend(more.iter().cloned());
    all.extend(more);
    all.extend(rest);
    // what is wrong with the file is said of the file
    let mut plain = command.clone().no_binary_name(true);
    if let Err(error) = plain.try_get_matches_from_mut(checked.into_iter().skip(2))
        && error.use_stderr()
    {
        return Err(Failure::usage(format!("{}: {}", file.display(), Failure::from(error))));
    }
    Ok(all)
}

fn read(file: &Path) -> Result<Table, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::io(file, &error))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map_or(1, |span| 1 + text.get(..span.start).unwrap_or_default().matches('\n').count());
        let why = error.message().lines().next().unwrap_or_default();
        Failure::usage(format!("{}, line {line}: {why}", file.display()))
    })
}

/// A value as an argument.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => if *flag { "yes" } else { "no" }.to_string(),
        Value::Array(all) => all.iter().map(text).collect::<Option<Vec<_>>>()?.join(","),
        _ => return None,
    })
}

/// A number by its shortest decimal.
pub fn decimal(number: f32) -> Value {
    Value::Float(number.to_string().parse().unwrap_or(f64::NAN))
}
