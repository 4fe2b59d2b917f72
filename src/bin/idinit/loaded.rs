//! Weights from whatever holds them: a folder of a run, a file of one, a safetensors file, a recipe.

use crate::failure::Failure;
use crate::output;
use crate::regenerate::Names;
use crate::start::Settled;
use idinit::exchange::safetensors::{self, Item, Tensors};
use idinit::recipe::Recipe;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Weights, and the network that they are of.
pub struct Loaded {
    pub settled: Settled,
    /// In the order of memory.
    pub weights: Vec<f32>,
}

/// What a file is, by its first bytes.
pub enum Form {
    Safetensors,
    Delta,
    Checkpoint,
    /// Plain numbers.
    Numbers,
}

/// What a file is.
pub fn form(file: &Path) -> Result<Form, Failure> {
    let failed = |error: &_| Failure::io(file, error);
    let mut head = [0; 9];
    let mut open = fs::File::open(file).map_err(|error| failed(&error))?;
    let mut len = 0;
    while len < head.len() {
        match std::io::Read::read(&mut open, &mut head[len..]).map_err(|error| failed(&error))? {
            0 => break,
            more => len += more,
        }
    }
    Ok(match &head {
        [b'I', b'D', b'D', b'E', b'L', b'T', b'A', ..] => Form::Delta,
        [b'I', b'D', b'I', b'N', b'I', b'T', b'C', b'K', _] => Form::Checkpoint,
        [.., b'{'] if head[6..8] == [0, 0] => Form::Safetensors,
        _ => Form::Numbers,
    })
}

impl Loaded {
    /// The weights that `path` names: a recipe, a safetensors file, a file `weights-….bin` of a run
    /// or its folder, where `scheme` tells them apart.
    ///
    /// What a file is of stands in it, or beside it; `recipe` says it where it does not.
    pub fn of(path: &Path, scheme: Option<&str>, recipe: Option<&Recipe>) -> Result<Self, Failure> {
        if let Some(line) = path.to_str().filter(|text| text.starts_with("idinit/")) {
            if scheme.is_some() || recipe.is_some() {
                return Err(Failure::usage("a recipe says all of a start: give nothing else"));
            }
            let recipe: Recipe = Recipe::parse(line)
                .map_err(|error| Failure::Usage(crate::start::told(line, error)))?;
            return Self::start(Settled::of(&recipe)?);
        }
        if path.is_dir() {
            return Self::of(&weights_of(path, scheme)?, None, recipe);
        }
        if scheme.is_some() {
            return Err(Failure::usage("--scheme is for the folder of a run"));
        }
        match form(path)? {
            Form::Safetensors => Self::safetensors(path, recipe),
            Form::Numbers => Self::numbers(path, recipe),
            Form::Delta => {
                Err(Failure::at(path, "this is a delta: `idinit delta apply` makes weights of it"))
            }
            Form::Checkpoint => Err(Failure::at(
                path,
                "this is a checkpoint: end its run with `idinit train --resume`, which writes weights",
            )),
        }
    }

    /// All initial weights of a start.
    pub fn start(settled: Settled) -> Result<Self, Failure> {
        let mut weights = output::zeros(settled.initial().len())?;
        settled.initial().fill_window(0, &mut weights).map_err(Failure::failed)?;
        Ok(Self { settled, weights })
    }

    fn safetensors(path: &Path, recipe: Option<&Recipe>) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::at(path, error);
        let mut file = Tensors::open(path).map_err(|error| failed(&error))?;
        let settled = match (recipe, file.note("recipe")) {
            (Some(recipe), _) => Settled::of(recipe)?,
            (None, Some(line)) => {
                let recipe: Recipe = Recipe::parse(line).map_err(|error| failed(&error))?;
                Settled::of(&recipe)?
            }
            (None, None) => return Err(failed(&"it does not say what it is of: give --recipe")),
        };
        let items = file.items();
        let entries = names_of(&items).entries(settled.model.nodes())?;
        let weights = safetensors::read(&mut file, &entries).map_err(|error| failed(&error))?;
        Ok(Self { settled, weights })
    }

    fn numbers(path: &Path, recipe: Option<&Recipe>) -> Result<Self, Failure> {
        let recipe = match recipe {
            Some(recipe) => *recipe,
            None => recipe_beside(path)?,
        };
        let bytes = fs::read(path).map_err(|error| Failure::io(path, &error))?;
        let settled = Settled::of(&recipe)?;
        let (numbers, rest) = bytes.as_chunks();
        let need = settled.initial().len();
        if numbers.len() != need || !rest.is_empty() {
            let why = format!("{} bytes, and {recipe} has {need} numbers of 4", bytes.len());
            return Err(Failure::at(path, why));
        }
        let weights = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        Ok(Self { settled, weights })
    }
}

/// Whose names a file has.
fn names_of(items: &[Item]) -> Names {
    let has = |start: &str| items.iter().any(|item| item.name.starts_with(start));
    let transposed = |item: &Item| match item.shape[..] {
        [inp, out] => item.name.ends_with("attn.c_attn.weight") && out == 3 * inp,
        _ => false,
    };
    match () {
        () if has("blocks.") && has("patch_embed.") => Names::Timm,
        () if items.iter().any(|item| item.name.contains(".se.fc1.")) => Names::Timm,
        () if items.iter().any(transposed) => Names::Transformers,
        () => Names::Torchvision,
    }
}

/// The file of weights in the folder of a run.
fn weights_of(folder: &Path, scheme: Option<&str>) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::io(folder, &error))?;
    let mut found: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_prefix("weights-")?.strip_suffix(".bin")?.to_string()))
        .collect();
    found.sort();
    if let Some(scheme) = scheme {
        found.retain(|name| name == scheme);
    }
    match &found[..] {
        [one] => Ok(folder.join(format!("weights-{one}.bin"))),
        [] => Err(Failure::at(folder, "there are no such weights in it")),
        all => {
            let all = all.join(", ");
            Err(Failure::at(folder, format!("say which weights by --scheme: {all}")))
        }
    }
}

/// The recipe in the description beside a file of weights.
fn recipe_beside(file: &Path) -> Result<Recipe, Failure> {
    let beside = file.with_extension("json");
    let unknown = |why: &dyn std::fmt::Display| {
        Failure::at(file, format!("it is not known what it is of: {why}; give --recipe"))
    };
    let text = fs::read(&beside)
        .map_err(|_| unknown(&format!("there is no {} beside it", beside.display())))?;
    let description: Value = serde_json::from_slice(&text).map_err(|error| unknown(&error))?;
    let line = description["recipe"].as_str();
    let line = line.ok_or_else(|| unknown(&"no recipe names the start of this run"))?;
    Recipe::parse(line).map_err(|error| unknown(&error))
}
