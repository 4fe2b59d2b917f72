//! `idinit apply`: initial weights for a model that this program does not have.

use crate::failure::Failure;
use crate::network;
use crate::output;
use crate::regenerate::{as_io, notes};
use clap::{Args, ValueEnum};
use idinit::exchange::roles::{self, Guess, Role, natural, roles};
use idinit::exchange::safetensors::{self, Item, Tensors};
use idinit::exchange::{Layout, Windows};
use idinit::init::Named;
use idinit::recipe::list::{List, Part};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// Write initial weights for a model that this program does not have, from a checkpoint of it.
///
/// Of the checkpoint, names, sizes and types count, and the numbers of what is kept; a fresh one will
/// do. What each tensor is for is told by its name: read the table before you train, and overrule
/// what is wrong in it by a file:
///
///   relu = true                # whether activations are rectifiers
///   attention = false          # whether the model attends
///   [roles]                    # main, branch, end, skip, head, table, one, zero, keep
///   "layer*.conv3.weight" = "end"        # * stands for anything
///   "stem.weight" = "first"              # main, and the first of all layers
///   "h.*.weight" = { transposed = true } # stored as [in, out]; groups = N are a kernel's
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  idinit apply resnet50.safetensors                        the table, and nothing is written
  idinit apply resnet50.safetensors -o start.safetensors
  idinit apply model.safetensors --roles mine.toml --scheme idinit-diagonal -o start.safetensors")]
pub struct Apply {
    /// A safetensors file of the model
    checkpoint: PathBuf,
    /// A file that overrules what names say
    #[arg(long, value_name = "auto|FILE.toml", default_value = "auto")]
    roles: PathBuf,
    /// The start
    #[arg(long, default_value = "idinit", value_parser = network::schemes())]
    scheme: String,
    /// What random numbers depend on: those of a start that has some
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Table::Text)]
    table: Table,
    /// The file to write; it appears when all of it is there [default: none, only the table]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// How the table is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// For people
    Text,
    /// One JSON object a line
    Json,
    /// Not at all
    None,
}

/// What a file says of roles.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Said {
    relu: Option<bool>,
    attention: Option<bool>,
    #[serde(default)]
    roles: BTreeMap<String, SaidOf>,
}

/// What a file says of some tensors.
#[derive(Deserialize)]
#[serde(untagged)]
enum SaidOf {
    Role(String),
    More(More),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    role: Option<String>,
    groups: Option<u32>,
    transposed: Option<bool>,
}

/// A model, in the order of its list: the first layer, then by name.
struct Model {
    tensors: Vec<(Item, Guess)>,
    relu: bool,
    attention: bool,
}

impl Apply {
    pub fn run(self) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::at(&self.checkpoint, error);
        // a shard knows neither all tables nor whether the model attends
        let name = self.checkpoint.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("-of-0") {
            return Err(failed(&"this is one part of a model: put all of it into one file first"));
        }
        let mut file = Tensors::open(&self.checkpoint).map_err(|error| failed(&error))?;
        let items = file.items();
        let model = self.model(items.clone())?;
        let scheme = Named::parse(&self.scheme, self.seed)
            .filter(|scheme| !scheme.needs_data())
            .ok_or_else(|| Failure::usage(format!("{} is finished on data", self.scheme)))?;
        let mut tensors = Vec::new();
        for (item, guess) in &model.tensors {
            if let Role::Start(part) = guess.role {
                if !roles::is_float(item.dtype) {
                    let why =
                        format!("{} holds {}, and no start does: keep it", item.name, item.dtype);
                    return Err(failed(&why));
                }
                tensors.push((part, roles::dims(item, guess).map_err(|why| failed(&why))?));
            }
        }
        let list = List::new(tensors, [model.relu, model.attention], scheme);
        if let Some(what) = list.lacks() {
            let why = format!("{} goes by {what}, which no name tells", self.scheme);
            return Err(Failure::Usage(why));
        }
        self.print(&model)?;
        let Some(out) = &self.file else { return Ok(()) };
        output::write(Some(out), |out| {
            let mut blocks = output::Blocks::new(out);
            write(&mut blocks, &mut file, &items, &model, &list)?;
            blocks.flush()
        })
    }

    /// What names say, overruled by a file.
    fn model(&self, items: Vec<Item>) -> Result<Model, Failure> {
        let found = roles(&items);
        let mut model = Model {
            tensors: items.into_iter().zip(found.guesses).collect(),
            relu: found.relu,
            attention: found.attention,
        };
        let mut said_relu = false;
        if *self.roles != *"auto" {
            let file = &self.roles;
            let text = fs::read_to_string(file).map_err(|error| Failure::io(file, &error))?;
            let said: Said = toml::from_str(&text).map_err(|error| {
                let line = error.span().map_or(1, |span| {
                    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
                });
                let why = error.message().lines().next().unwrap_or_default();
                Failure::usage(format!("{}, line {line}: {why}", file.display()))
            })?;
            said_relu = said.relu == Some(true);
            said.overrule(&mut model)
                .map_err(|why| Failure::usage(format!("{}: {why}", file.display())))?;
        }
        // numbers in names are numbers
        model.tensors.sort_by_cached_key(|(item, guess)| (!guess.first, natural(&item.name)));
        // without a first layer, no other is to be taken for it
        let first = model.tensors.first().is_some_and(|(_, guess)| guess.first);
        if said_relu && !first {
            let why =
                "relu = true is about the first layer: say which that is, by \"NAME\" = \"first\"";
            return Err(Failure::usage(format!("{}: {why}", self.roles.display())));
        }
        model.relu &= first;
        Ok(model)
    }

    fn print(&self, model: &Model) -> Result<(), Failure> {
        let mut text = String::new();
        let width = model.tensors.iter().map(|(item, _)| item.name.len()).max().unwrap_or(0);
        for (item, guess) in &model.tensors {
            let shape = safetensors::sizes(&item.shape);
            let mut role = guess.role.name().to_string();
            if guess.first {
                role = "first".to_string();
            }
            let mut notes = Vec::new();
            if guess.groups > 1 {
                notes.push(format!("{} groups", guess.groups));
            }
            if guess.transposed {
                notes.push("stored as [in, out]".to_string());
            }
            text += &match self.table {
                Table::None => return Ok(()),
                Table::Json => format!(
                    "{}\n",
                    serde_json::json!({
                        "tensor": item.name, "shape": item.shape, "role": role, "rule": guess.why,
                        "groups": guess.groups, "transposed": guess.transposed,
                    })
                ),
                Table::Text => {
                    let notes = if notes.is_empty() {
                        String::new()
                    } else {
                        format!("; {}", notes.join(", "))
                    };
                    format!(
                        "{:width$}  {shape:<16}  {role:<6}  by {}{notes}\n",
                        item.name, guess.why
                    )
                }
            };
        }
        if self.table == Table::Text {
            let count = |role: fn(Role) -> bool| {
                model.tensors.iter().filter(|(_, guess)| role(guess.role)).count()
            };
            let yes = |flag| if flag { "yes" } else { "no" };
            text += &format!(
                "\nrectifiers: {}; attention: {}; {} branch ends; {}\n",
                yes(model.relu),
                yes(model.attention),
                count(|role| role == Role::Start(Part::End)),
                match (
                    count(|role| role == Role::Start(Part::Head)),
                    count(|role| role == Role::Start(Part::Table)),
                ) {
                    (0, 0) => "no head: say which by --roles",
                    (0, _) => "no head: it may be tied to a table, or say which by --roles",
                    _ => "a head",
                }
            );
            let kept =
                |(item, guess): &&(Item, Guess)| guess.role == Role::Keep && !item.shape.is_empty();
            let kept: Vec<&str> =
                model.tensors.iter().filter(kept).map(|(item, _)| item.name.as_str()).collect();
            if let [first, ..] = kept[..] {
                text += &format!(
                    "{} tensors keep the numbers that they have in this file, {first} first\n",
                    kept.len()
                );
            }
        }
        output::print(&text)
    }
}

impl Said {
    fn overrule(self, model: &mut Model) -> Result<(), String> {
        model.relu = self.relu.unwrap_or(model.relu);
        model.attention = self.attention.unwrap_or(model.attention);
        // the longest pattern last, which then holds
        let mut patterns: Vec<_> = self.roles.into_iter().collect();
        patterns.sort_by_key(|(pattern, _)| pattern.len());
        for (pattern, said) in patterns {
            let More { role, groups, transposed } = match said {
                SaidOf::Role(role) => More { role: Some(role), groups: None, transposed: None },
                SaidOf::More(more) => more,
            };
            let first = role.as_deref() == Some("first");
            let role = match role.as_deref() {
                None => None,
                Some("first") => Some(Role::Start(Part::Main)),
                Some(name) => Some(Role::of(name).ok_or_else(|| {
                    format!(
                        "'{name}' is no role; there are first, main, branch, end, skip, head, \
                         table, one, zero, keep"
                    )
                })?),
            };
            let mut found = 0;
            for i in 0..model.tensors.len() {
                if !matches(&pattern, &model.tensors[i].0.name) {
                    continue;
                }
                found += 1;
                if first {
                    model.tensors.iter_mut().for_each(|(_, guess)| guess.first = false);
                }
                let guess = &mut model.tensors[i].1;
                if let Some(role) = role {
                    (guess.role, guess.why, guess.first) = (role, "file", first);
                }
                guess.groups = groups.unwrap_or(guess.groups);
                guess.transposed = transposed.unwrap_or(guess.transposed);
            }
            match found {
                0 => return Err(format!("the model has no tensor '{pattern}'")),
                1 => {}
                _ if first => return Err(format!("'{pattern}' is several tensors, not the first")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a name is of a pattern, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((front, rest)) => name.strip_prefix(front).is_some_and(|name| {
            (0..=name.len())
                .filter(|end| name.is_char_boundary(*end))
                .any(|end| matches(rest, &name[end..]))
        }),
    }
}

/// Writes the tensors of a model in the order of its own file.
fn write(
    out: &mut dyn Write,
    file: &mut Tensors,
    items: &[Item],
    model: &Model,
    list: &List,
) -> io::Result<()> {
    // its recipe, if that is not longer than a header should be
    let recipe = list.recipe::<16384>();
    let mut all = notes(recipe.map_or(String::new(), |recipe| recipe.to_string())).to_vec();
    all.retain(|(_, text)| !text.is_empty());
    safetensors::write_header(out, items, &all).map_err(as_io)?;
    let mut numbers: HashMap<&str, (usize, bool)> = HashMap::new();
    for (item, guess) in model.tensors.iter().filter(|(_, guess)| guess.role != Role::Keep) {
        numbers.insert(&item.name, (numbers.len(), guess.transposed));
    }
    let mut windows = Windows::default();
    for item in items {
        let Some(&(number, transposed)) = numbers.get(item.name.as_str()) else {
            file.copy(&item.name, out).map_err(as_io)?;
            continue;
        };
        let (_, d) = list.tensors()[number];
        let layout = match transposed {
            true => Layout::Transposed,
            false => Layout::channels_first(d.taps(), d.inp() as usize),
        };
        windows.permute(
            layout,
            d,
            &mut |start, window| list.fill(number, start, window).map_err(|e| e.to_string()),
            &mut |window| safetensors::write_numbers(out, window, item.dtype),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, want) in [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("a.*.c", "a.b.d.c", true),
            ("a.*.c", "a.c", false),
            ("*", "", true),
            ("*.weight", "ü.weight", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xbxxa", false),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }
}
