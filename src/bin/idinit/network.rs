//! The arguments that name a network, and the network that they name.

use crate::data::Data;
use crate::failure::Failure;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum, value_parser};
use idinit::init::Named;
use idinit::layer::PartKind;
use idinit::model::catalog::{self, Chosen, Entry, Model, Options, Setting, Sort, Task};
use serde_json::{Map, Value, json};

/// The arguments that name a network.
pub struct Choice {
    entry: &'static Entry,
    data: Option<Data>,
    /// What was chosen about the network, by name.
    settings: Vec<(&'static str, String)>,
}

/// A network for a data set.
pub struct Network {
    pub entry: &'static Entry,
    pub data: Data,
    /// What it is for, with what was chosen about that.
    pub task: Task,
    pub model: Model,
    /// What was chosen.
    pub options: Options,
    /// What was chosen, for files.
    pub sizes: Value,
}

/// The arguments are made from the catalogue: an option for everything that can be chosen about some
/// network. Whether it can be chosen about this one is the catalogue's affair.
impl Args for Choice {
    fn augment_args(command: Command) -> Command {
        const HEADING: &str = "Network";
        let model = Arg::new("model")
            .default_value("residual")
            .value_parser(models())
            .help("The network; `idinit models` tells more of them");
        let data = Arg::new("data")
            .long("data")
            .value_parser(value_parser!(Data))
            .hide_possible_values(true)
            .help("What it learns, and so the shape of its input [default: by model]")
            .help_heading(HEADING);
        let settings = Setting::ALL.iter().map(|setting| {
            let argument = Arg::new(setting.name).long(setting.name).help_heading(HEADING);
            match setting.sort {
                Sort::Flag => argument.action(ArgAction::SetTrue).help(setting.about),
                Sort::Word(words) => argument
                    .value_name("WORD")
                    .value_parser(PossibleValuesParser::new(words))
                    .help(format!("{} [default: by model]", setting.about)),
                _ => {
                    let value = if setting.sort == Sort::Counts { "N,…" } else { "N" };
                    let help = format!("{} [default: by model]", setting.about);
                    argument.value_name(value).help(help)
                }
            }
        });
        command.arg(model).arg(data).args(settings)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Choice {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let entry = matches.get_one::<&'static Entry>("model").copied();
        let entry = entry.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidValue))?;
        Ok(Self::of(entry, matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Choice {
    /// A network of the catalogue, with what the command line says of it.
    pub fn of(entry: &'static Entry, matches: &ArgMatches) -> Self {
        let said =
            |name: &&Setting| matches.value_source(name.name) == Some(ValueSource::CommandLine);
        let settings = Setting::ALL.iter().filter(said).map(|setting| {
            let text = match setting.sort {
                Sort::Flag => "yes".to_string(),
                _ => matches.get_one::<String>(setting.name).cloned().unwrap_or_default(),
            };
            (setting.name, text)
        });
        let settings = settings.collect();
        Self { entry, data: matches.get_one("data").copied(), settings }
    }

    /// Whether the command line says anything of it.
    pub fn is_plain(&self) -> bool {
        self.data.is_none() && self.settings.is_empty()
    }
}

/// Parses the name of a network.
pub fn models() -> impl TypedValueParser<Value = &'static Entry> {
    let names = catalog::ALL.iter().map(|entry| entry.name);
    PossibleValuesParser::new(names).try_map(|name| catalog::find(&name).ok_or("no such network"))
}

/// Parses the name of a scheme.
pub fn schemes() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(
        Named::NAMES
            .iter()
            .map(|name| PossibleValue::new(*name).help(Named::about(name).unwrap_or_default())),
    )
}

impl Network {
    /// The scheme of a name that was parsed, if it has its place in the network.
    pub fn scheme(&self, name: &str, seed: u64) -> Result<Named, Failure> {
        let scheme = Named::parse(name, seed)
            .ok_or_else(|| Failure::usage(format!("no scheme is called {name}")))?;
        match scheme.lacks(self.model.nodes()) {
            Some(what) => {
                let model = self.entry.name;
                Err(Failure::usage(format!("{name} needs {what}, and {model} has none")))
            }
            None => Ok(scheme),
        }
    }
}

/// Gives all schemes that have an ε this one; some must.
pub fn set_eps(schemes: &mut [(String, Named)], eps: f32) -> Result<(), Failure> {
    let mut used = false;
    for (_, scheme) in schemes {
        if let Some(other) = scheme.with_eps(eps) {
            (*scheme, used) = (other, true);
        }
    }
    match used {
        true => Ok(()),
        false => Err(Failure::usage("--eps is for IDInit and its IDIZ, and no start here has one")),
    }
}

/// The data set that an entry learns if nothing else is asked for.
fn habitual(entry: &Entry) -> Result<Data, Failure> {
    Data::from_str(entry.habits.data, false).map_err(Failure::usage)
}

impl Choice {
    /// The network, if what was chosen makes one, as far as that is known before data is read.
    pub fn network(&self) -> Result<Network, Failure> {
        let data = match self.data {
            Some(data) => data,
            None => habitual(self.entry)?,
        };
        self.network_for(data, data.task()?, None)
    }

    /// The network for data that is known, with the smoothing of its labels.
    pub fn network_for(
        &self,
        data: Data,
        task: Task,
        smoothing: Option<f32>,
    ) -> Result<Network, Failure> {
        let settings = self.settings.iter().map(|(name, text)| (*name, text.as_str()));
        let smoothing = smoothing.unwrap_or(self.entry.habits.smoothing);
        Network::new(self.entry, (data, task), settings, smoothing)
    }
}

impl Network {
    /// A network for a data set, with what was chosen by name.
    fn new<'a>(
        entry: &'static Entry,
        (data, task): (Data, Task),
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
        smoothing: f32,
    ) -> Result<Self, Failure> {
        let made = entry.network(task, settings, smoothing);
        let catalog::Network { model, options, task } = made.map_err(|error| match error {
            catalog::CatalogError::Graph(_) => {
                Failure::usage(format!("{} on {}: {error}", entry.name, data.name()))
            }
            error => Failure::usage(error),
        })?;
        let sizes = sizes(&options);
        Ok(Self { entry, data, task, model, options, sizes })
    }

    /// A network as it is if nothing is chosen about it.
    pub fn plain(entry: &'static Entry) -> Result<Self, Failure> {
        let data = habitual(entry)?;
        Self::new(entry, (data, data.task()?), [], entry.habits.smoothing)
    }
}

/// What was chosen about a network, and what is so by default.
fn sizes(options: &Options) -> Value {
    let value = |chosen: &Chosen| match chosen {
        Chosen::Count(count) => json!(count),
        Chosen::Counts(counts) => json!(counts),
        Chosen::Share(share) => crate::report::decimal(*share),
        Chosen::Word(word) => json!(word),
        Chosen::Flag(flag) => json!(flag),
    };
    let pairs = options.iter().map(|(setting, chosen)| (setting.name.to_string(), value(chosen)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// What a weight is for, in a word.
pub const fn part_name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Weight => "weight",
        PartKind::Table => "table",
        PartKind::Bias => "bias",
        PartKind::Gain => "gain",
        PartKind::Multiplier => "multiplier",
        PartKind::RunningMean => "running-mean",
        PartKind::RunningVariance => "running-variance",
    }
}
