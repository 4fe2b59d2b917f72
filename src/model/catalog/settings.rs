//! What can be chosen about a network, by name and as text, uniformly for a command line, a file of
//! settings and a program.

use super::{CatalogError, Entry, Task};
use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Something that can be chosen. Its name means the same to every network that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as in `--name`.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// What may stand for it.
    pub sort: Sort,
}

/// What may stand for a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A whole number.
    Count,
    /// Whole numbers between commas.
    Counts,
    /// A number from 0 to less than 1.
    Share,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Nothing: it is said or not.
    Flag,
}

/// What was chosen for a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// A whole number.
    Count(u32),
    /// Whole numbers.
    Counts(Vec<u32>),
    /// A number from 0 to less than 1.
    Share(f32),
    /// A word.
    Word(&'static str),
    /// Whether it was said.
    Flag(bool),
}

impl core::fmt::Display for Chosen {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Counts(counts) => {
                let counts: Vec<_> = counts.iter().map(u32::to_string).collect();
                f.write_str(&counts.join(","))
            }
            Self::Share(share) => share.fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
        }
    }
}

macro_rules! settings {
    ($($constant:ident $name:literal $sort:expr, $about:literal;)*) => {
        $(pub(super) const $constant: Setting =
            Setting { name: $name, about: $about, sort: $sort };)*

        impl Setting {
            /// Everything that can be chosen about some network.
            pub const ALL: &[Self] = &[$($constant,)*];
        }
    };
}

settings! {
    DEPTH "depth" Sort::Count, "Layers as papers count them: 6n+2, and 9n+4 with bottlenecks";
    LAYERS "layers" Sort::Count, "Transformer blocks, or recurrent layers";
    BLOCKS "blocks" Sort::Count, "Residual blocks";
    WIDTH "width" Sort::Count, "Channels: of a convolution (the first, where they grow), or of a token";
    HIDDEN "hidden" Sort::Counts, "Widths of the hidden layers, as in 32,32";
    STATE "state" Sort::Count, "Numbers in the state of a recurrent layer, in each direction";
    ACTIVATION "activation" Sort::Word(&["relu", "tanh"]), "What stands between fully connected layers";
    NORM "norm" Sort::Word(&["batch", "none"]), "What follows each convolution";
    SHORTCUT "shortcut" Sort::Word(&["zeros", "split", "conv"]),
        "How skips get to more channels: zeros behind, zeros around, 1×1 convolution";
    BOTTLENECK "bottleneck" Sort::Flag, "Branches of 1×1, 3×3 and 1×1 convolutions";
    MULTIPLIER "multiplier" Sort::Flag, "A trained number multiplies the end of each branch";
    FIXUP "fixup" Sort::Flag, "Fixup's scalar biases and multipliers, without the convolutions' biases";
    REDUCTION "reduction" Sort::Count, "Divisor of the channels in squeeze-and-excitation; 0 is for none";
    PATCH "patch" Sort::Count, "Rows and columns of a patch";
    HEADS "heads" Sort::Count, "Heads of the attention";
    INNER "inner" Sort::Count, "Channels within a transformer's second branch";
    CELL "cell" Sort::Word(&["lstm", "gru", "rnn"]), "What a recurrent layer computes";
    KERNELS "kernels" Sort::Counts, "Words that the three sorts of convolutions see at a time";
    FILTERS "filters" Sort::Count, "Channels of each sort of convolution";
    DROPOUT "dropout" Sort::Share, "The probability of a number's being dropped";
    CONTEXT "context" Sort::Count, "Tokens that are seen at once";
    WORDS "words" Sort::Count, "Words of a text";
    VOCABULARY "vocabulary" Sort::Count, "How many different tokens there are";
}

impl Setting {
    /// Reads what was chosen.
    ///
    /// # Errors
    /// A [`CatalogError::Value`] that says what may stand there.
    pub fn parse(&self, text: &str) -> Result<Chosen, CatalogError> {
        let chosen = match self.sort {
            Sort::Count => text.parse().ok().map(Chosen::Count),
            Sort::Counts => {
                let counts = text.split(',').map(|count| count.trim().parse().ok());
                counts.collect::<Option<_>>().map(Chosen::Counts)
            }
            Sort::Share => {
                let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
                share.map(Chosen::Share)
            }
            Sort::Word(words) => {
                words.iter().find(|word| **word == text).map(|word| Chosen::Word(word))
            }
            Sort::Flag => match text {
                "yes" => Some(Chosen::Flag(true)),
                "no" => Some(Chosen::Flag(false)),
                _ => None,
            },
        };
        chosen.ok_or_else(|| CatalogError::Value { setting: *self, text: text.to_owned() })
    }

    /// What may stand for it, in words.
    pub fn wants(&self) -> String {
        match self.sort {
            Sort::Count => "a whole number".to_owned(),
            Sort::Counts => "whole numbers between commas".to_owned(),
            Sort::Share => "a number from 0 to less than 1".to_owned(),
            Sort::Word(words) => format!("one of {}", words.join(", ")),
            Sort::Flag => "yes or no".to_owned(),
        }
    }
}

/// All settings of a network, each chosen or as it is by default. What neither says is the data's.
#[derive(Clone, Debug, PartialEq)]
pub struct Options(Vec<(Setting, Option<Chosen>)>);

impl Options {
    /// The settings of an entry, with what was chosen for some of them by name.
    ///
    /// # Errors
    /// A name that the entry does not have, or a text that says nothing for it.
    pub(super) fn new<'a>(
        entry: &'static Entry,
        chosen: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CatalogError> {
        let defaults = entry.settings.iter().map(|(setting, text)| match text.is_empty() {
            true => Ok((*setting, None)),
            false => Ok((*setting, Some(setting.parse(text)?))),
        });
        let mut options = Self(defaults.collect::<Result<_, CatalogError>>()?);
        for (name, text) in chosen {
            let place = options.0.iter_mut().find(|(setting, _)| setting.name == name);
            let Some((setting, there)) = place else {
                return Err(CatalogError::Setting { entry, name: name.to_owned() });
            };
            *there = Some(setting.parse(text)?);
        }
        Ok(options)
    }

    /// The task of a data set with what was chosen about it; the rest is settled by it.
    pub(super) fn settle(&mut self, task: Task) -> Task {
        let mut by = |setting: Setting, count: &mut u32| {
            let place = self.0.iter_mut().find(|(there, _)| there.name == setting.name);
            match place {
                Some((_, Some(Chosen::Count(chosen)))) => *count = *chosen,
                Some((_, unsaid)) => *unsaid = Some(Chosen::Count(*count)),
                None => {}
            }
        };
        let mut task = task;
        match &mut task {
            Task::Pictures { .. } => {}
            Task::Texts { words, vocabulary, .. } => {
                by(WORDS, words);
                by(VOCABULARY, vocabulary);
            }
            Task::Language { context, vocabulary } => {
                by(CONTEXT, context);
                by(VOCABULARY, vocabulary);
            }
        }
        task
    }

    /// Every setting, with what it is.
    pub fn iter(&self) -> impl Iterator<Item = (&Setting, &Chosen)> {
        self.0.iter().filter_map(|(setting, chosen)| Some((setting, chosen.as_ref()?)))
    }

    fn get(&self, wanted: Setting) -> Option<&Chosen> {
        self.iter().find(|(setting, _)| setting.name == wanted.name).map(|(_, chosen)| chosen)
    }

    pub(super) fn count(&self, setting: Setting) -> u32 {
        match self.get(setting) {
            Some(Chosen::Count(count)) => *count,
            _ => 0,
        }
    }

    pub(super) fn counts(&self, setting: Setting) -> &[u32] {
        match self.get(setting) {
            Some(Chosen::Counts(counts)) => counts,
            _ => &[],
        }
    }

    pub(super) fn share(&self, setting: Setting) -> f32 {
        match self.get(setting) {
            Some(Chosen::Share(share)) => *share,
            _ => 0.0,
        }
    }

    pub(super) fn word(&self, setting: Setting) -> &'static str {
        match self.get(setting) {
            Some(Chosen::Word(word)) => word,
            _ => "",
        }
    }

    pub(super) fn flag(&self, setting: Setting) -> bool {
        matches!(self.get(setting), Some(Chosen::Flag(true)))
    }
}
