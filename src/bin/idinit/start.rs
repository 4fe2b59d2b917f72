//! The arguments that name a start: a recipe, or a network and a scheme.

use crate::failure::Failure;
use crate::network::{self, Choice, Network};
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use idinit::init::{Initial, Named};
use idinit::model::catalog::{Entry, Model};
use idinit::recipe::{Recipe, RecipeError, words, zoo};
use std::ffi::OsStr;

/// The arguments that name a start.
pub struct Start {
    what: What,
    scheme: Option<String>,
    seed: Option<u64>,
    eps: Option<f32>,
}

enum What {
    Recipe(Recipe),
    Network(Choice),
}

/// What stands in the first place.
#[derive(Clone)]
enum First {
    Recipe(Recipe),
    Entry(&'static Entry),
}

/// A recipe, as an option.
#[derive(Clone, Copy)]
pub struct RecipeArg(pub Recipe);

impl std::str::FromStr for RecipeArg {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        Recipe::parse(line).map(Self).map_err(|error| told(line, error))
    }
}

/// A start that is known to the last bit.
pub struct Settled {
    pub recipe: Recipe,
    pub model: Model,
    pub scheme: Named,
}

#[derive(Clone)]
struct FirstParser;

impl ValueParserFactory for First {
    type Parser = FirstParser;

    fn value_parser() -> FirstParser {
        FirstParser
    }
}

impl TypedValueParser for FirstParser {
    type Value = First;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<First, clap::Error> {
        let text = value.to_string_lossy();
        if !text.starts_with("idinit/") {
            return network::models().parse_ref(command, argument, value).map(First::Entry);
        }
        let recipe = Recipe::parse(&text).map_err(|error| {
            let why = format!("'{text}': {}\n", told(&text, error));
            clap::Error::raw(ErrorKind::ValueValidation, why).with_cmd(command)
        })?;
        Ok(First::Recipe(recipe))
    }
}

/// An error with the word that it is about.
pub fn told(line: &str, error: RecipeError) -> String {
    match error {
        RecipeError::Word { number, wants } => match line.split_ascii_whitespace().nth(number) {
            Some(word) => format!("'{word}' should be {wants}"),
            None => format!("{wants} is missing at the end"),
        },
        error => error.to_string(),
    }
}

impl Args for Start {
    fn augment_args(command: Command) -> Command {
        let first = |arg: Arg| {
            arg.value_name("RECIPE|MODEL").value_parser(First::value_parser()).help(
                "A recipe, as in 'idinit/1 resnet norm=none idinit', or the name of a network",
            )
        };
        let option = |name: &'static str, value: &'static str, help: &'static str| {
            Arg::new(name).long(name).value_name(value).help(help)
        };
        Choice::augment_args(command)
            .mut_arg("model", first)
            .arg(
                option("scheme", "SCHEME", "The start of a network [default: idinit]")
                    .value_parser(network::schemes()),
            )
            .arg(
                option("seed", "N", "What the random numbers of a start depend on [default: 0]")
                    .value_parser(clap::value_parser!(u64)),
            )
            .arg(
                option("eps", "E", "ε of IDIZ, in a start that has one [default: by start]")
                    .value_parser(crate::weights::positive)
                    .allow_negative_numbers(true),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Start {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (scheme, seed) = (matches.get_one("scheme").cloned(), matches.get_one("seed").copied());
        let eps = matches.get_one("eps").copied();
        let what = match matches.get_one("model") {
            Some(First::Entry(entry)) => What::Network(Choice::of(entry, matches)),
            Some(First::Recipe(recipe)) => {
                // the same options, of whatever network
                let plain = idinit::model::catalog::ALL.first();
                let plain = plain.is_none_or(|entry| Choice::of(entry, matches).is_plain());
                if !plain || scheme.is_some() || seed.is_some() || eps.is_some() {
                    let why = "a recipe says all of a start: write what you want into it\n";
                    return Err(clap::Error::raw(ErrorKind::ArgumentConflict, why));
                }
                What::Recipe(*recipe)
            }
            None => return Err(clap::Error::new(ErrorKind::MissingRequiredArgument)),
        };
        Ok(Self { what, scheme, seed, eps })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Start {
    /// The start, if there is one of that name and no data is needed for it.
    pub fn settle(self) -> Result<Settled, Failure> {
        match self.what {
            What::Recipe(recipe) => Settled::of(&recipe),
            What::Network(ref choice) => {
                let network = choice.network()?;
                let name = self.scheme.unwrap_or_else(|| "idinit".to_string());
                let scheme = network.scheme(&name, self.seed.unwrap_or(0))?;
                let mut starts = [(name, scheme)];
                if let Some(eps) = self.eps {
                    network::set_eps(&mut starts, eps)?;
                }
                let [(_, scheme)] = starts;
                Settled::new(network, scheme)
            }
        }
    }
}

impl Settled {
    /// The start that a recipe names.
    pub fn of<const N: usize>(recipe: &Recipe<N>) -> Result<Self, Failure> {
        if recipe.model() == words::TENSORS {
            let why = "a list of tensors has no network: `idinit apply` writes its weights";
            return Err(Failure::usage(why));
        }
        let scheme = recipe.scheme().map_err(Failure::usage)?;
        let (entry, network) = zoo::network(recipe).map_err(Failure::usage)?;
        let canonical = zoo::recipe(entry, (&network.options, network.task), &scheme);
        let recipe = canonical.map_err(Failure::usage)?;
        check(&scheme, &network.model, entry)?;
        Ok(Self { recipe, model: network.model, scheme })
    }

    fn new(network: Network, scheme: Named) -> Result<Self, Failure> {
        let recipe = zoo::recipe(network.entry, (&network.options, network.task), &scheme);
        let recipe = recipe.map_err(Failure::usage)?;
        check(&scheme, &network.model, network.entry)?;
        Ok(Self { recipe, model: network.model, scheme })
    }

    /// Its weights.
    pub fn initial(&self) -> Initial<'_, Named> {
        Initial::new(self.model.nodes(), self.scheme)
    }
}

fn check(scheme: &Named, model: &Model, entry: &Entry) -> Result<(), Failure> {
    if scheme.needs_data() {
        return Err(Failure::usage("lsuv is finished on data, so no recipe names it"));
    }
    match scheme.lacks(model.nodes()) {
        Some(what) => {
            Err(Failure::usage(format!("the start needs {what}, and {} has none", entry.name)))
        }
        None => Ok(()),
    }
}
