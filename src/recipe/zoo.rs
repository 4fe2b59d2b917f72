//! Recipes of the networks of the catalogue.

use super::bytes::Writer;
use super::name::say;
use super::words::{MODELS, SETTINGS};
use super::{Recipe, RecipeError, Value};
use crate::init::Named;
use crate::model::catalog::{self, CatalogError, Entry, Network, Options, Task};
use crate::shape::Shape;
use core::fmt;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Why there is no network of a recipe.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ZooError {
    /// The catalogue has no such network.
    Catalog(CatalogError),
    /// The recipe names no network of the catalogue, or says of it what nothing can be said of.
    Recipe(RecipeError),
}

impl fmt::Display for ZooError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog(error) => error.fmt(f),
            Self::Recipe(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ZooError {}

impl From<CatalogError> for ZooError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl From<RecipeError> for ZooError {
    fn from(error: RecipeError) -> Self {
        Self::Recipe(error)
    }
}

/// The network of the catalogue that a recipe names, and its entry there.
///
/// ```
/// use idinit::recipe::{Recipe, zoo};
/// let recipe: Recipe = Recipe::parse("idinit/1 mlp hidden=32,16 idinit")?;
/// let (entry, network) = zoo::network(&recipe)?;
/// assert_eq!((entry.name, network.model.parameters()), ("mlp", 2_778));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where the catalogue has no such network.
pub fn network<const N: usize>(recipe: &Recipe<N>) -> Result<(&'static Entry, Network), ZooError> {
    let entry = catalog::find(recipe.model()).ok_or(RecipeError::Model)?;
    let mut task = habitual(entry)?;
    let mut chosen = Vec::new();
    for (name, value) in recipe.settings() {
        match (name, value, &mut task) {
            ("input", Value::Sizes(sizes), Task::Pictures { shape, .. }) => {
                let each: Option<Vec<u32>> =
                    sizes.iter().map(|size| size.try_into().ok()).collect();
                let (Some(&[height, width, channels]), 1) = (each.as_deref(), sizes.groups) else {
                    return Err(RecipeError::Model.into());
                };
                *shape = Shape::hwc(height, width, channels);
            }
            (
                "classes",
                Value::Count(count),
                Task::Pictures { classes, .. } | Task::Texts { classes, .. },
            ) => *classes = count.try_into().map_err(|_| RecipeError::Model)?,
            ("input" | "classes", ..) => return Err(RecipeError::Model.into()),
            (name, value, _) => chosen.push((name, value.to_string())),
        }
    }
    let chosen = chosen.iter().map(|(name, text)| (*name, text.as_str()));
    Ok((entry, entry.network(task, chosen, 0.0)?))
}

/// The recipe of a network of the catalogue under a scheme. It says what is not so by default, and
/// nothing else.
///
/// # Errors
/// Where no words name the scheme, or the recipe has more than 64 bytes.
pub fn recipe(
    entry: &'static Entry,
    (options, task): (&Options, Task),
    scheme: &Named,
) -> Result<Recipe, ZooError> {
    let place = MODELS.iter().position(|name| *name == entry.name).ok_or(RecipeError::Model)?;
    let habit = habitual(entry)?;
    let plain = entry.options(habit)?;
    let mut words: Vec<String> = Vec::new();
    for (setting, chosen) in options.iter() {
        let default = plain.iter().find(|(other, _)| other.name == setting.name);
        if default.is_none_or(|(_, default)| default != chosen) {
            words.push(format!("{}={chosen}", setting.name));
        }
    }
    if let (Task::Pictures { shape, .. }, Task::Pictures { shape: usual, .. }) = (task, habit)
        && shape != usual
    {
        words.push(format!("input={}x{}x{}", shape.height, shape.width, shape.channels));
    }
    // the answers of a language model are its vocabulary
    if !matches!(task, Task::Language { .. }) && task.classes() != habit.classes() {
        words.push(format!("classes={}", task.classes()));
    }
    let said = |out: &mut Writer<'_>| say(out, &words.join(" "), 0..words.len(), SETTINGS, false);
    Ok(Recipe::write(place, *scheme, said)?)
}

/// What a network is for, if nothing else is said.
fn habitual(entry: &Entry) -> Result<Task, RecipeError> {
    Task::of(entry.habits.data).ok_or(RecipeError::Model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::{ALL, Setting, Sort};

    fn canonical(line: &str) -> String {
        let recipe: Recipe = Recipe::parse(line).unwrap();
        let (entry, network) = network(&recipe).unwrap();
        self::recipe(entry, (&network.options, network.task), &recipe.scheme().unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn every_network_and_every_setting_has_its_word() {
        for entry in ALL {
            assert!(MODELS.contains(&entry.name), "{}", entry.name);
        }
        for setting in Setting::ALL {
            let key = SETTINGS.iter().find(|key| key.name == setting.name).unwrap();
            let same = match (key.sort, setting.sort) {
                (super::super::words::Sort::Word(a), Sort::Word(b)) => a == b,
                (super::super::words::Sort::Count, Sort::Count)
                | (super::super::words::Sort::Counts, Sort::Counts)
                | (super::super::words::Sort::Real, Sort::Share)
                | (super::super::words::Sort::Flag, Sort::Flag) => true,
                _ => false,
            };
            assert!(same, "{}", setting.name);
        }
        for name in Named::NAMES {
            assert!(canonical(&format!("idinit/1 mlp {name}")).starts_with("idinit/1 mlp "));
        }
    }

    #[test]
    fn what_is_so_by_default_is_not_said() {
        for (line, want) in [
            ("idinit/1 resnet depth=20 norm=batch idinit eps=1e-6", "idinit/1 resnet idinit"),
            ("idinit/1  gpt vocabulary=256  context=128 torch seed=0", "idinit/1 gpt torch"),
            ("idinit/1 vit input=32x32x3 classes=10 dropout=0 zero", "idinit/1 vit zero"),
            (
                "idinit/1 cnn classes=3 input=28x28x1 width=4 idinit-channel",
                "idinit/1 cnn width=4 input=28x28x1 classes=3 idinit order=channel",
            ),
            (
                "idinit/1 textcnn classes=5 vocabulary=1000 kaiming seed=7",
                "idinit/1 textcnn vocabulary=1000 classes=5 kaiming seed=7",
            ),
        ] {
            assert_eq!(canonical(line), want);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "idinit/1 mlp depth=3 idinit",
            "idinit/1 gpt classes=3 idinit",
            "idinit/1 cnn input=8x8 idinit",
            "idinit/1 cnn input=8x99999999999x8x1 idinit",
            "idinit/1 cnn input=8x8x1g2 idinit",
            "idinit/1 cnn classes=99999999999 idinit",
            "idinit/1 cnn main=3x3 idinit",
            "idinit/1 tensors main=3x3 idinit",
            "idinit/1 cnn relu=yes idinit",
        ] {
            let recipe = Recipe::<64>::parse(line);
            assert!(recipe.is_err() || network(&recipe.unwrap()).is_err(), "{line}");
        }
    }

    #[test]
    fn no_recipe_of_the_zoo_needs_more_than_its_room() {
        // everything that can be said of the networks of which most can be said
        for line in [
            "idinit/1 resnet depth=4294967294 width=4294967295 norm=none shortcut=conv \
             bottleneck=yes multiplier=yes fixup=yes input=65535x65535x65535 classes=4294967295",
            "idinit/1 textrnn words=4294967295 vocabulary=4294967295 width=4294967295 cell=gru \
             layers=4294967295 state=4294967295 dropout=0.3 classes=4294967295",
            "idinit/1 transformer words=268435455 vocabulary=268435455 width=268435455 \
             layers=268435455 heads=268435455 inner=268435455 dropout=0.3 classes=268435455",
        ] {
            let schemes = ["kaiming seed=4294967295", "idinit eps=0.1", "idinit order=channel"];
            for scheme in schemes {
                let recipe: Recipe = Recipe::parse(&format!("{line} {scheme}")).unwrap();
                assert!(recipe.as_bytes().len() <= 64);
            }
        }
    }
}
