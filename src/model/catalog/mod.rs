//! The networks that can be asked for by name, each with what can be chosen about it and with
//! settings that train it.
//!
//! Networks here are built at run time, for any task, as drafts: what cannot be is an error with
//! numbers in it, not a panic.
//!
//! ```
//! use idinit::model::catalog::{self, Task};
//! use idinit::plan::Mode;
//! let entry = catalog::find("resnet").ok_or("no such network")?;
//! let network = entry.network(
//!     Task::of("cifar10").ok_or("no such data")?,
//!     [("depth", "110"), ("norm", "none"), ("multiplier", "yes")],
//!     0.0,
//! )?;
//! assert_eq!(network.model.parameters(), 1_727_962 - 3_994);
//! assert_eq!(network.model.plan(Mode::INFER, 1)?.net().weights(), 1_723_968);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod design;
mod entries;
mod room;
mod settings;
mod task;

pub use entries::ALL;
pub use room::{MOST, Model, Planned};
pub use settings::{Chosen, Options, Setting, Sort};
pub use task::Task;

use crate::graph::GraphError;
use crate::plan::PlanError;
use core::fmt;
use std::string::String;
use std::vec::Vec;

/// Settings that train a network well: the paper's, where it has them (`§4` and the appendices),
/// with batches for a PC where it does not say or says more than a thousand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The data set: one of [`Task::ALL`].
    pub data: &'static str,
    /// How often all examples are taken.
    pub epochs: u32,
    /// Examples in a step.
    pub batch: u32,
    /// The largest learning rate.
    pub rate: f32,
    /// How it goes on from there: `constant`, `linear` or `cosine`.
    pub schedule: &'static str,
    /// The epochs in which it rises to its largest.
    pub warm_up: u32,
    /// How weights move: `sgd`, `adam`, `adamw`, `adadelta` or `adagrad`.
    pub update: &'static str,
    /// The momentum, where the update is `sgd`.
    pub momentum: f32,
    /// The weight decay.
    pub decay: f32,
    /// The smoothing of the labels.
    pub smoothing: f32,
    /// How examples are varied: some of `crop`, `flip`, `mixup` and `cutmix`.
    pub augment: &'static [&'static str],
}

/// A network by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// What can be chosen about it, and what is chosen by default; nothing, where the data says.
    pub settings: &'static [(Setting, &'static str)],
    /// Settings that train it.
    pub habits: Habits,
    /// What its input has to be.
    wants: Wants,
    make: design::Make,
}

/// What the input of a network has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Pictures,
    Texts,
    Language,
}

/// A network with all that was chosen about it.
pub struct Network {
    /// Its layers.
    pub model: Model,
    /// What was chosen.
    pub options: Options,
    /// What it is for, with what was chosen about that.
    pub task: Task,
}

/// Why there is no such network.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CatalogError {
    /// The network has no setting of that name.
    Setting {
        /// The network.
        entry: &'static Entry,
        /// The name that was asked for.
        name: String,
    },
    /// A text that says nothing for a setting.
    Value {
        /// The setting.
        setting: Setting,
        /// The text.
        text: String,
    },
    /// No network of the family has so many layers.
    Depth {
        /// The setting.
        setting: Setting,
        /// What was asked for.
        depth: u32,
        /// What there is.
        wants: &'static str,
    },
    /// There are not three sorts of convolutions.
    Kernels,
    /// The network is for data of another sort.
    Task {
        /// The network.
        entry: &'static Entry,
        /// What it was to be built for.
        task: Task,
    },
    /// Settings and input make no network.
    Graph(GraphError),
    /// There is no plan of the network.
    Plan(PlanError),
    /// The system gives no thread to build on.
    Thread,
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { entry, name } => {
                write!(f, "{} takes no --{name}", entry.name)?;
                let names = entry.settings.iter().map(|(setting, _)| setting.name);
                match names.collect::<Vec<_>>().join(", --") {
                    names if names.is_empty() => f.write_str("; nothing can be chosen about it"),
                    names => write!(f, "; it takes --{names}"),
                }
            }
            Self::Value { setting, text } => {
                write!(f, "--{} is {}, not '{text}'", setting.name, setting.wants())
            }
            Self::Depth { setting, depth, wants } => {
                write!(f, "--{} is {wants}, not {depth}", setting.name)
            }
            Self::Kernels => f.write_str("--kernels are three numbers, as in 3,4,5"),
            Self::Task { entry, task } => {
                let wants = match entry.wants {
                    Wants::Pictures => "pictures",
                    Wants::Texts => "labelled texts",
                    Wants::Language => "plain text",
                };
                write!(f, "{} is for {wants}, not for {}", entry.name, task.sort())
            }
            Self::Graph(error) => error.fmt(f),
            Self::Plan(error) => error.fmt(f),
            Self::Thread => f.write_str("the system gives no thread to build a network on"),
        }
    }
}

impl core::error::Error for CatalogError {}

impl From<GraphError> for CatalogError {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}

impl From<PlanError> for CatalogError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

/// The network of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// What is chosen about the network for a task if nothing is said.
    pub(crate) fn options(&'static self, task: Task) -> Result<Options, CatalogError> {
        let mut options = Options::new(self, [])?;
        options.settle(task);
        Ok(options)
    }

    /// The network for a task, with what was chosen by name, trained for labels smoothed by
    /// `smoothing`.
    ///
    /// # Errors
    /// A setting that the network does not have or that says nothing, a task of another sort, and
    /// sizes that make no network.
    pub fn network<'a>(
        &'static self,
        task: Task,
        chosen: impl IntoIterator<Item = (&'a str, &'a str)>,
        smoothing: f32,
    ) -> Result<Network, CatalogError> {
        let mut options = Options::new(self, chosen)?;
        let fits = matches!(
            (self.wants, task),
            (Wants::Pictures, Task::Pictures { .. })
                | (Wants::Texts, Task::Texts { .. })
                | (Wants::Language, Task::Language { .. })
        );
        if !fits {
            return Err(CatalogError::Task { entry: self, task });
        }
        let task = options.settle(task);
        let design = (self.make)(&options, task)?;
        Ok(Network { model: Model::new(&design, task, smoothing)?, options, task })
    }
}
